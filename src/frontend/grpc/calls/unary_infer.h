// SPDX-License-Identifier: Apache-2.0
// UnaryInfer: one call of ModelInfer, from before it arrives until nothing of it is under way. Then
// it waits for another: these are the calls that come by the thousand, so they are used again.
#pragma once

#include <cstddef>
#include <list>
#include <memory>

#include <grpcpp/server.h>
#include <grpcpp/support/slice.h>

#include "frontend/grpc/call_environment.h"
#include "frontend/grpc/call_record.h"
#include "frontend/grpc/calls/core_call.h"
#include "frontend/grpc/calls/grpc_inference.h"
#include "frontend/grpc/calls/infer_method.h"
#include "frontend/grpc/operation.h"

namespace muster {

class UnaryInfers;

// The loop's thread.
class UnaryInfer final : public GrpcInference::Asker, public CompletionLoop::Departure {
 public:
  explicit UnaryInfer(UnaryInfers& calls) noexcept : calls_(calls) {}
  UnaryInfer(const UnaryInfer&) = delete;
  UnaryInfer& operator=(const UnaryInfer&) = delete;
  ~UnaryInfer();

  // Waits for a call, which `place` among the open ones is then.
  void arm(std::list<UnaryInfer>::iterator place);
  // Cancels the call if its client has not read the answer in time.
  void check_time(TimePoint now);

 private:
  void arrived(bool ok);
  void depart() override;
  void answered(GrpcInference& inference) override;
  void finish(const grpc::Status& status, const grpc::Slice& reply = {},
              std::string_view timing = {});
  void finished(bool ok);
  // gRPC's word that the call has ended for the client, in whatever way.
  void done(bool ok);
  void end_if_over();

  UnaryInfers& calls_;
  std::list<UnaryInfer>::iterator place_;
  CoreCall call_;
  grpc_compression_algorithm compression_ = GRPC_COMPRESS_NONE;  // of the message and the answer
  std::unique_ptr<GrpcInference> inference_;                     // the service's while it is out
  CallRecord record_;
  bool done_ = false;
  bool cancelled_ = false;
  bool finished_ = false;
  std::size_t answer_bytes_ = 0;
  TimePoint answered_at_ = kNoDeadline;

  CoreOperation arrived_{operation_of<&UnaryInfer::arrived>(this)};
  CoreOperation finished_operation_{operation_of<&UnaryInfer::finished>(this)};
  CoreOperation done_operation_{operation_of<&UnaryInfer::done>(this)};
};

// All calls of ModelInfer on one loop. Destroyed after the loop has stopped: what the service still
// has is left to it.
class UnaryInfers {
 public:
  // `method` is registered with `server`; both outlive it.
  UnaryInfers(CallEnvironment& environment, grpc::Server& server, const InferMethod& method);
  UnaryInfers(const UnaryInfers&) = delete;
  UnaryInfers& operator=(const UnaryInfers&) = delete;
  ~UnaryInfers() = default;

  // On the loop's thread, both. Once: calls may come.
  void begin();
  void check_time(TimePoint now);

 private:
  friend class UnaryInfer;
  // Calls that wait for an arrival at the same time. One is armed again with each arrival, so this
  // is how many may arrive in a round before gRPC keeps the others itself.
  static constexpr std::size_t kArmed = 64;
  static constexpr std::size_t kMaxIdle = 256;

  void arm_one();
  void put_away(std::list<UnaryInfer>::iterator call);

  CallEnvironment& environment_;
  grpc_server& server_;
  void* const method_;  // gRPC's name for it
  SpareInferences spare_;
  InferReply reply_;            // of the call that is being encoded
  std::list<UnaryInfer> open_;  // armed, or under way
  std::list<UnaryInfer> idle_;
};

}  // namespace muster
