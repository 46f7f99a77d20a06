// SPDX-License-Identifier: Apache-2.0
// CoreCall: one call of a registered method with one message each way, through the C surface of
// gRPC's core, <grpc/grpc.h>. What the C++ classes around it would add to each call (a context with
// its maps, an object for each operation, virtual calls for interceptors) nobody here makes use of
// (docs/adr/0017).
//
// It stands for one call after the other: request, then (arrived: watch, finish, ended) and again,
// or destroyed. The loop's thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <grpc/byte_buffer.h>
#include <grpc/grpc.h>
#include <grpcpp/support/slice.h>
#include <grpcpp/support/status.h>

#include "frontend/grpc/core_operation.h"
#include "frontend/grpc/grpc_caller.h"

namespace muster {

class CoreCall final : public GrpcCaller {
 public:
  CoreCall() noexcept { grpc_metadata_array_init(&metadata_); }
  CoreCall(const CoreCall&) = delete;
  CoreCall& operator=(const CoreCall&) = delete;
  ~CoreCall();

  // Waits for a call of `method`, which is gRPC's name for one that is registered with `server`.
  // Until `arrived` is over it must stay where it is. Not over with `ok`: there is no call.
  void request(grpc_server& server, void* method, grpc_completion_queue& queue,
               CoreOperation& arrived);
  // Begun when the call has arrived: over when it has ended for the client, in whatever way.
  void watch(CoreOperation& ended);
  // After `ended`: whether the client, or the connection, went before it had the status.
  [[nodiscard]] bool was_cancelled() const noexcept { return cancelled_ != 0; }

  // The message, null where the client sent none. It stays until drop_message.
  [[nodiscard]] const grpc_byte_buffer* message() const noexcept { return message_; }
  void drop_message() noexcept;

  [[nodiscard]] std::string_view metadata(std::string_view key) const noexcept override;
  [[nodiscard]] std::string peer() const override;
  [[nodiscard]] gpr_timespec deadline() const noexcept override { return deadline_; }

  // Ends the call with a status, and before it a message where the status is OK. Once, and
  // `finished` is over when both are on their way or never will be.
  // `compression`: of the message, one that the client can read. `timing`: the trailing metadata
  // kTimingKey, none where it is empty.
  struct Answer {
    const grpc::Status& status;
    grpc::Slice message = {};
    grpc_compression_algorithm compression = GRPC_COMPRESS_NONE;
    std::string_view timing = {};
  };
  void finish(const Answer& answer, CoreOperation& finished);
  // Any time while there is a call: the client sees CANCELLED if it has seen no status yet.
  void cancel() noexcept;
  // After `finished` and `ended`: nothing of the call is left.
  void clear() noexcept;

 private:
  grpc_call* call_ = nullptr;
  gpr_timespec deadline_ = {};
  grpc_metadata_array metadata_;  // of the request; what stands in it is the call's
  grpc_byte_buffer* message_ = nullptr;
  int cancelled_ = 0;
  // Of the answer, until it is finished.
  grpc_byte_buffer* reply_ = nullptr;
  grpc_metadata compression_wish_ = {};
  grpc_metadata timing_ = {};
};

}  // namespace muster
