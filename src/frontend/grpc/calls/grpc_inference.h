// SPDX-License-Identifier: Apache-2.0
// GrpcInference: one inference that came over gRPC, from the bytes of its message to its answer. It
// is the letter in which the answer comes home.
//
// The message stays with it until the answer, as the request's tensors are views into it. From
// `hand_in` until then it belongs to the service: nobody else may destroy it.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include <muster/inference.h>

#include "frontend/grpc/call_record.h"
#include "frontend/grpc/message/received_message.h"
#include "frontend/transport/mailbox.h"
#include "protocol/grpc/infer_message.h"
#include "protocol/grpc/infer_reply.h"
#include "protocol/infer_call.h"

namespace muster {

class GrpcInference final : public Letter {
 public:
  // Whose inference it is. The transport thread.
  class Asker {
   public:
    virtual void answered(GrpcInference& inference) = 0;

   protected:
    ~Asker() = default;
  };

  explicit GrpcInference(const CallEnvironment& environment)
      : mailbox_(environment.thread.mailbox()),
        clock_(environment.services.clock),
        bytes_(environment.memory) {}
  GrpcInference(const GrpcInference&) = delete;
  GrpcInference& operator=(const GrpcInference&) = delete;
  ~GrpcInference() override = default;

  // Where its message is to be before `decode`, as it came.
  [[nodiscard]] MessageBytes& bytes() noexcept { return bytes_; }
  // In this order: decode, hand_in, (cancel?, then asker.answered), encode. `stream` has the call,
  // whose deadline is the request's as well.
  [[nodiscard]] Status decode(MessageCoding coding, TimePoint deadline,
                              const CallEnvironment& environment, const Http2Stream& stream);
  void hand_in(InferenceService& service, Burst& burst, Asker& asker);
  void cancel(InferenceService& service) const { service.cancel(ticket_); }
  // Whether it belongs to the service at the moment, as the transport thread sees it.
  [[nodiscard]] bool is_out() const noexcept { return asker_ != nullptr; }

  // After `asker.answered`: the response, or null and why there is none.
  [[nodiscard]] const InferResponse* response() const noexcept {
    return outcome_ && outcome_->ok() ? &outcome_->value() : nullptr;
  }
  [[nodiscard]] GrpcStatus failure() const;
  // Only where there is a response. `reply` is views into it.
  [[nodiscard]] Status encode(InferReply& reply) const;
  // What the access log says of it, at any time.
  [[nodiscard]] InferenceDetails details() const;

  [[nodiscard]] std::string_view id() const noexcept { return message_.id(); }
  // Makes it ready for another message. What small messages took is kept for it.
  void clear();

 private:
  void open() override;
  void take_answer(Result<InferResponse> outcome);

  const std::shared_ptr<Mailbox> mailbox_;
  Clock& clock_;
  MessageBytes bytes_;
  InferMessage message_;  // views into them
  InferCall call_;        // its tensors likewise; the request until it is handed in
  RequestTicket ticket_ = 0;
  bool deadline_is_the_calls_ = false;
  Asker* asker_ = nullptr;
  std::optional<Result<InferResponse>> outcome_;
};

// Inferences to be used again, of one thread.
class SpareInferences {
 public:
  explicit SpareInferences(const CallEnvironment& environment) : environment_(environment) {}

  [[nodiscard]] std::unique_ptr<GrpcInference> take();
  void give_back(std::unique_ptr<GrpcInference> inference);

 private:
  static constexpr std::size_t kMaxSpare = 256;

  const CallEnvironment& environment_;
  std::vector<std::unique_ptr<GrpcInference>> spare_;
};

}  // namespace muster
