// SPDX-License-Identifier: Apache-2.0
// GenericCall: one call of any method but ModelInfer, with its messages as bytes. It brings the
// call to the method's conversation: a message when it is asked for one, while the stream's window
// holds back the client; and it keeps what is written until it has been taken.
#pragma once

#include <cstddef>
#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include <google/protobuf/message_lite.h>

#include "frontend/grpc/call_environment.h"
#include "frontend/grpc/call_record.h"
#include "frontend/grpc/calls/call_head.h"
#include "frontend/grpc/calls/call_reply.h"
#include "frontend/grpc/calls/conversation.h"
#include "frontend/grpc/calls/grpc_inference.h"
#include "frontend/grpc/message/message_reader.h"

namespace muster {

class GenericCalls;

// The transport thread.
class GenericCall final : public Http2Call {
 public:
  explicit GenericCall(GenericCalls& calls);
  GenericCall(const GenericCall&) = delete;
  GenericCall& operator=(const GenericCall&) = delete;
  ~GenericCall() = default;

  // A call has come, which `place` among the open ones is.
  void begin(Http2Stream& stream, const CallHead& head, std::list<GenericCall>::iterator place);
  // Where `begin` threw: the call is as if it had never been, and destroyed.
  void abandon() noexcept;

  // For conversations. Asks for another message.
  void read();
  // A frame, see message_frame.h. Of what is written and not taken there may be any number;
  // `may_write` bounds it.
  void write(MessageBytes frame);
  [[nodiscard]] bool is_writing() const noexcept { return !sending_.empty(); }
  [[nodiscard]] bool may_write() const noexcept {
    return sending_.size() < kMaxSends && sending_bytes_ < kMaxSendBytes;
  }
  // With a last message where there is one.
  void finish(const GrpcStatus& status, std::optional<MessageBytes> last = {});
  [[nodiscard]] bool is_finished() const noexcept { return finished_; }
  // Destroys the call and its conversation where nothing of them is under way.
  void end_if_over();

  // A message of the client's, within the limit of the method.
  [[nodiscard]] Status parse(const ReceivedMessage& received,
                             google::protobuf::MessageLite& message) const;
  [[nodiscard]] MessageBytes new_frame() const;
  [[nodiscard]] Status frame(const google::protobuf::MessageLite& message, MessageBytes& out) const;
  // How frames are compressed.
  [[nodiscard]] MessageCoding coding() const noexcept { return reply_.coding(); }
  [[nodiscard]] bool is_cancelled() const noexcept { return cancelled_; }
  // Not after `cancelled`.
  [[nodiscard]] const Http2Stream& stream() const noexcept { return *stream_; }
  [[nodiscard]] TimePoint deadline() const noexcept { return deadline_; }
  [[nodiscard]] const CallEnvironment& environment() const noexcept;
  [[nodiscard]] SpareInferences& spare_inferences() noexcept;

  [[nodiscard]] std::size_t received(std::span<const std::byte> bytes) override;
  void ended() override;
  void sent(std::size_t sends) override;
  void closed(Http2Closing closing) override;
  void check_time(TimePoint now) override;
  void stop() override;

 private:
  static constexpr std::size_t kMaxSends = 64;
  static constexpr std::size_t kMaxSendBytes = std::size_t{256} << 10;

  [[nodiscard]] Status admit_caller() const;
  // Of a message, as it comes and inflated.
  [[nodiscard]] std::size_t message_limit() const;
  // Leads on as far as messages are asked for; how many of the bytes that is.
  std::size_t take(std::span<const std::byte> bytes);
  void take_kept();
  void take_message();
  void take_end();
  void deliver();
  void refuse(const GrpcStatus& status);
  // Draining waits for this call from here on, if it waits for such calls.
  void be_awaited();

  GenericCalls& calls_;
  std::list<GenericCall>::iterator place_;
  Http2Stream* stream_ = nullptr;  // null where it is closed
  const GrpcMethod* method_ = nullptr;
  std::unique_ptr<Conversation> conversation_;
  CallReply reply_;
  CallRecord record_;
  TimePoint deadline_ = kNoDeadline;
  std::optional<MessageCoding> coding_;  // of what is compressed

  MessageBytes message_;
  MessageReader reader_;
  MessageBytes kept_;  // came while no message was asked for
  std::size_t kept_taken_ = 0;
  bool reading_ = true;
  bool taking_ = false;
  bool has_message_ = false;               // the one of a method that asks once
  bool ended_ = false;                     // by the client
  TimePoint waiting_since_ = kNoDeadline;  // for a message, or what it lacks

  std::deque<MessageBytes> sending_;
  std::size_t sending_bytes_ = 0;
  std::size_t sent_bytes_ = 0;
  bool recorded_ = false;
  bool awaited_ = false;
  bool cancelled_ = false;
  bool finished_ = false;
};

// All generic calls of one thread. Destroyed after the thread has ended.
class GenericCalls {
 public:
  // Both outlive it.
  GenericCalls(const CallEnvironment& environment, std::span<const GrpcMethod> methods);
  GenericCalls(const GenericCalls&) = delete;
  GenericCalls& operator=(const GenericCalls&) = delete;
  ~GenericCalls() = default;

  [[nodiscard]] Http2Call& begin(Http2Stream& stream, const CallHead& head);

 private:
  friend class GenericCall;

  [[nodiscard]] const GrpcMethod* find(std::string_view path) const noexcept;

  const CallEnvironment& environment_;
  const std::span<const GrpcMethod> methods_;
  SpareInferences spare_;
  std::list<GenericCall> open_;
};

}  // namespace muster
