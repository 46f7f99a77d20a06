// SPDX-License-Identifier: Apache-2.0
// GrpcInference: one inference that came over gRPC, from the bytes of its message to the bytes of
// its answer. It is the letter in which the answer comes home.
//
// The message stays with it until the answer, as the request's tensors are views into it. From
// `hand_in` until then it belongs to the service: nobody else may destroy it.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/status.h>

#include <muster/inference.h>

#include "frontend/front_services.h"
#include "frontend/grpc/call_record.h"
#include "frontend/grpc/calls/held_message.h"
#include "frontend/grpc/calls/message_bytes.h"
#include "frontend/grpc/grpc_mailbox.h"
#include "protocol/grpc/infer_message.h"
#include "protocol/grpc/infer_reply.h"
#include "protocol/infer_call.h"

namespace muster {

class GrpcInference final : public GrpcLetter {
 public:
  // Whose inference it is. The loop's thread.
  class Asker {
   public:
    virtual void answered(GrpcInference& inference) = 0;

   protected:
    ~Asker() = default;
  };

  explicit GrpcInference(std::shared_ptr<GrpcMailbox> mailbox) : mailbox_(std::move(mailbox)) {}
  GrpcInference(const GrpcInference&) = delete;
  GrpcInference& operator=(const GrpcInference&) = delete;
  ~GrpcInference() = default;

  // In this order: decode, hand_in, (cancel?, then asker.answered), encode. `caller` makes the
  // call, whose deadline is the request's as well.
  // Null is no message. The caller may let go of the buffer afterwards.
  [[nodiscard]] Status decode(const grpc_byte_buffer* buffer, const CallEnvironment& environment,
                              const GrpcCaller& caller);
  void hand_in(InferenceService& service, Burst& burst, Asker& asker);
  void cancel(InferenceService& service) const { service.cancel(ticket_); }
  // Whether it belongs to the service at the moment, as the loop's thread sees it.
  [[nodiscard]] bool is_out() const noexcept { return asker_ != nullptr; }

  // After `asker.answered`: the response, or null and why there is none.
  [[nodiscard]] const InferResponse* response() const noexcept {
    return outcome_ && outcome_->ok() ? &outcome_->value() : nullptr;
  }
  [[nodiscard]] grpc::Status failure() const;
  // Only where there is a response. `reply` is views into it.
  [[nodiscard]] Status encode(InferReply& reply) const;
  // What the access log says of it.
  [[nodiscard]] InferenceDetails details() const;

  [[nodiscard]] std::string_view id() const noexcept { return message_.id(); }
  // Makes it ready for another message. What small messages took is kept for it.
  void clear();

 private:
  void open() override;
  void drop() override { delete this; }
  void take_answer(Result<InferResponse> outcome);

  const std::shared_ptr<GrpcMailbox> mailbox_;
  HeldMessage bytes_;
  InferMessage message_;  // views into them
  InferCall call_;        // its tensors likewise; the request until it is handed in
  RequestTicket ticket_ = 0;
  bool deadline_is_the_calls_ = false;
  Asker* asker_ = nullptr;
  std::optional<Result<InferResponse>> outcome_;
};

// Inferences to be used again, of one loop.
class SpareInferences {
 public:
  explicit SpareInferences(std::shared_ptr<GrpcMailbox> mailbox) : mailbox_(std::move(mailbox)) {}

  [[nodiscard]] std::unique_ptr<GrpcInference> take();
  void give_back(std::unique_ptr<GrpcInference> inference);

 private:
  static constexpr std::size_t kMaxSpare = 256;

  const std::shared_ptr<GrpcMailbox> mailbox_;
  std::vector<std::unique_ptr<GrpcInference>> spare_;
};

}  // namespace muster
