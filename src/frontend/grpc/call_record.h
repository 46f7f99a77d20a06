// SPDX-License-Identifier: Apache-2.0
// CallRecord: what the counters and the access log want to know of one call, or of one inference on
// a stream; and the questions that every call is asked before anything else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <muster/inference.h>

#include "frontend/grpc/call_environment.h"
#include "frontend/grpc/message/grpc_status.h"
#include "frontend/http2/http2_stream.h"

namespace muster {

// Whether the stream's client has the right.
[[nodiscard]] Status grant(const CallEnvironment& environment, Right right,
                           const Http2Stream& stream);
// The same, and whether calls are taken at all (health always is).
[[nodiscard]] Status admit(const CallEnvironment& environment, Right right,
                           const Http2Stream& stream);

// What the access log says of an inference beside its outcome. Borrowed.
struct InferenceDetails {
  std::string_view request_id = {};
  std::string_view model = {};
  std::int64_t version = 0;
  const BatchReport* batch = nullptr;
};

// One thread. Begun and ended once each, then it may begin anew.
class CallRecord {
 public:
  // `method` is a path, "/inference.GRPCInferenceService/ModelInfer", and outlives the record.
  void begin(const CallEnvironment& environment, std::string_view method, const Http2Peer& peer);
  void received(std::size_t bytes);
  // `status` and `reply_bytes` as they go out. `disconnected`: nobody reads it.
  void end(const GrpcStatus& status, std::size_t reply_bytes, bool disconnected,
           const InferenceDetails& details = {});
  // Instead of `end`, where something threw: counted as one whose client is gone, if it was begun.
  void lose() noexcept;

 private:
  const CallEnvironment* environment_ = nullptr;
  std::string_view method_;
  std::string peer_;  // for the log, if there is one: the connection may be gone at the end
  TimePoint begun_;
  std::size_t request_bytes_ = 0;
  bool is_begun_ = false;
};

}  // namespace muster
