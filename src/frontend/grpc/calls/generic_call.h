// SPDX-License-Identifier: Apache-2.0
// GenericCall: one call of any method but ModelInfer, with its messages as bytes. It brings the
// call to the method's conversation and does for it what gRPC wants to be done in order: one read
// and one write at a time, and a finish behind the last write.
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include <google/protobuf/message_lite.h>
#include <grpcpp/generic/async_generic_service.h>

#include "frontend/grpc/call_environment.h"
#include "frontend/grpc/call_record.h"
#include "frontend/grpc/calls/conversation.h"
#include "frontend/grpc/calls/grpc_inference.h"
#include "frontend/grpc/operation.h"

namespace muster {

class GenericCalls;

// The loop's thread.
class GenericCall final {
 public:
  explicit GenericCall(GenericCalls& calls);
  GenericCall(const GenericCall&) = delete;
  GenericCall& operator=(const GenericCall&) = delete;

  // Waits for a call, which `place` among the open ones is then.
  void arm(std::list<GenericCall>::iterator place);

  // For conversations. A read is begun for them before `begin`; `read` asks for another one.
  void read();
  [[nodiscard]] bool is_reading() const noexcept { return reading_; }
  void write(grpc::ByteBuffer bytes);
  [[nodiscard]] bool is_writing() const noexcept { return writing_; }
  // With a last message where there is one. `status` is the client's.
  void finish(const grpc::Status& status, std::optional<grpc::ByteBuffer> last = {});
  [[nodiscard]] bool is_finished() const noexcept { return finish_.has_value(); }
  // Destroys the call and its conversation where nothing of them is under way.
  void end_if_over();

  // A message of the client's, within the limit of the method.
  [[nodiscard]] Status parse(const grpc::ByteBuffer& bytes,
                             google::protobuf::MessageLite& message) const;
  [[nodiscard]] bool is_cancelled() const noexcept { return cancelled_; }
  [[nodiscard]] ContextCaller caller() const noexcept { return ContextCaller(context_); }
  [[nodiscard]] CallEnvironment& environment() const noexcept;
  [[nodiscard]] SpareInferences& spare_inferences() noexcept;

  // From GenericCalls.
  void stop();
  void check_time(TimePoint now);

 private:
  void arrived(bool ok);
  [[nodiscard]] Status admit_caller() const;
  void read_over(bool ok);
  void write_over(bool ok);
  void finish_over(bool ok);
  void done(bool ok);
  void begin_finish();
  // Draining waits for this call from here on, if it waits for such calls.
  void be_awaited();

  GenericCalls& calls_;
  std::list<GenericCall>::iterator place_;
  grpc::GenericServerContext context_;
  grpc::GenericServerAsyncReaderWriter stream_{&context_};
  const GrpcMethod* method_ = nullptr;
  std::unique_ptr<Conversation> conversation_;
  CallRecord record_;
  bool recorded_ = false;
  bool awaited_ = false;
  grpc::ByteBuffer received_;
  std::size_t sent_bytes_ = 0;
  std::optional<grpc::Status> finish_;
  std::optional<grpc::ByteBuffer> last_;
  bool heard_compressed_ = false;
  bool reading_ = false;
  bool writing_ = false;
  TimePoint waiting_since_ = kNoDeadline;  // for the one message of the call
  // Of the write or the finish that is under way.
  std::size_t writing_bytes_ = 0;
  TimePoint writing_since_ = kNoDeadline;
  bool broken_ = false;  // a write failed: no more of them
  bool finished_ = false;
  bool cancelled_ = false;
  bool done_ = false;

  Operation arrived_ = operation_of<&GenericCall::arrived>(this);
  Operation read_ = operation_of<&GenericCall::read_over>(this);
  Operation write_ = operation_of<&GenericCall::write_over>(this);
  Operation finish_operation_ = operation_of<&GenericCall::finish_over>(this);
  Operation done_operation_ = operation_of<&GenericCall::done>(this);
};

// All generic calls of one loop. Destroyed after the loop has stopped.
class GenericCalls {
 public:
  // `methods` outlives it.
  GenericCalls(CallEnvironment& environment, grpc::AsyncGenericService& service,
               std::span<const GrpcMethod> methods);
  GenericCalls(const GenericCalls&) = delete;
  GenericCalls& operator=(const GenericCalls&) = delete;
  ~GenericCalls() = default;

  // On the loop's thread: calls may come; the server stops; ends those whose clients have not asked
  // or not read in time.
  void begin();
  void stop();
  void check_time(TimePoint now);

 private:
  friend class GenericCall;
  static constexpr std::size_t kArmed = 8;

  void arm_one();

  CallEnvironment& environment_;
  grpc::AsyncGenericService& service_;
  const std::span<const GrpcMethod> methods_;
  SpareInferences spare_;
  std::list<GenericCall> open_;  // armed, or under way
};

}  // namespace muster
