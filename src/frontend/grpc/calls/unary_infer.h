// SPDX-License-Identifier: Apache-2.0
// UnaryInfer: one call of ModelInfer, from its head until nothing of it is under way. Then it waits
// for another: these are the calls that come by the thousand, so they are used again.
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <optional>
#include <span>

#include "frontend/grpc/call_environment.h"
#include "frontend/grpc/call_record.h"
#include "frontend/grpc/calls/call_head.h"
#include "frontend/grpc/calls/call_reply.h"
#include "frontend/grpc/calls/grpc_inference.h"
#include "frontend/grpc/calls/infer_method.h"
#include "frontend/grpc/message/message_reader.h"

namespace muster {

class UnaryInfers;

// The transport thread.
class UnaryInfer final : public Http2Call,
                         public GrpcInference::Asker,
                         public CallThread::Departure {
 public:
  explicit UnaryInfer(UnaryInfers& calls);
  UnaryInfer(const UnaryInfer&) = delete;
  UnaryInfer& operator=(const UnaryInfer&) = delete;
  ~UnaryInfer();

  // A call has come, which `place` among the open ones is.
  void begin(Http2Stream& stream, const CallHead& head, std::list<UnaryInfer>::iterator place);
  // Where `begin` threw: the call is as if it had never been, and destroyed.
  void abandon() noexcept;

  [[nodiscard]] std::size_t received(std::span<const std::byte> bytes) override;
  [[nodiscard]] std::span<std::byte> room(std::size_t most) noexcept override;
  void ended() override;
  void sent(std::size_t) override {}
  void closed(Http2Closing closing) override;
  void check_time(TimePoint now) override;
  // What was asked is answered, and what has not come is not waited for.
  void stop() override;

 private:
  void depart() override;
  void answered(GrpcInference& inference) override;
  void fail(const GrpcStatus& status);
  // With the message in `answer_` where it is ok.
  void finish(const GrpcStatus& status, std::size_t reply_bytes);
  void end_if_over();

  UnaryInfers& calls_;
  std::list<UnaryInfer>::iterator place_;
  Http2Stream* stream_ = nullptr;             // null where it is closed
  std::unique_ptr<GrpcInference> inference_;  // the service's while it is out
  MessageReader reader_;
  CallReply reply_;
  MessageBytes answer_;
  CallRecord record_;
  TimePoint deadline_ = kNoDeadline;
  std::optional<MessageCoding> coding_;  // of what is compressed
  TimePoint waiting_since_ = kNoDeadline;
  bool has_message_ = false;
  bool departing_ = false;
  bool cancelled_ = false;
  bool finished_ = false;
};

// All calls of ModelInfer on one thread. Destroyed after the thread has ended: what the service
// still has is left to it.
class UnaryInfers {
 public:
  explicit UnaryInfers(const CallEnvironment& environment);
  UnaryInfers(const UnaryInfers&) = delete;
  UnaryInfers& operator=(const UnaryInfers&) = delete;
  ~UnaryInfers() = default;

  [[nodiscard]] Http2Call& begin(Http2Stream& stream, const CallHead& head);

 private:
  friend class UnaryInfer;
  static constexpr std::size_t kMaxIdle = 256;

  void put_away(std::list<UnaryInfer>::iterator call);

  const CallEnvironment& environment_;
  SpareInferences spare_;
  InferReply reply_;  // of the call that is being encoded
  std::list<UnaryInfer> open_;
  std::list<UnaryInfer> idle_;
};

}  // namespace muster
