// SPDX-License-Identifier: Apache-2.0
// CallRecord: what the counters and the access log want to know of one call, or of one inference on
// a stream; and the questions that every call is asked before anything else.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <grpcpp/support/status.h>

#include "frontend/grpc/call_environment.h"
#include "frontend/grpc/grpc_caller.h"

namespace muster {

// Whether the caller has the right.
[[nodiscard]] Status grant(const CallEnvironment& environment, Right right,
                           const GrpcCaller& caller);
// The same, and whether calls are taken at all (health always is).
[[nodiscard]] Status admit(const CallEnvironment& environment, Right right,
                           const GrpcCaller& caller);

// The moment of the call's deadline on `clock`; kNoDeadline where it has none.
[[nodiscard]] TimePoint deadline_of(const GrpcCaller& caller, Clock& clock);

// As the client shall see it. `deadline_is_the_calls`: see grpc_code.
[[nodiscard]] grpc::Status grpc_status(const Status& status, bool deadline_is_the_calls = false);

// What the access log says of an inference beside its outcome. Borrowed.
struct InferenceDetails {
  std::string_view request_id = {};
  std::string_view model = {};
  std::int64_t version = 0;
  const BatchReport* batch = nullptr;
};

// One loop's thread. Begun and ended once each, then it may begin anew.
class CallRecord {
 public:
  // `method` is a path, "/inference.GRPCInferenceService/ModelInfer", and outlives the record.
  void begin(const CallEnvironment& environment, std::string_view method);
  void received(std::size_t bytes);
  // `status` as it goes out; `reply_bytes` before compression. `disconnected`: nobody reads it.
  void end(const GrpcCaller& caller, const grpc::Status& status, std::size_t reply_bytes,
           bool disconnected, const InferenceDetails& details = {});

 private:
  const CallEnvironment* environment_ = nullptr;
  std::string_view method_;
  TimePoint begun_;
  std::size_t request_bytes_ = 0;
};

}  // namespace muster
