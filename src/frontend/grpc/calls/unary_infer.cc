// SPDX-License-Identifier: Apache-2.0
#include "frontend/grpc/calls/unary_infer.h"

#include <utility>

#include "frontend/grpc/calls/message_bytes.h"
#include "frontend/grpc/timing_trailer.h"

namespace muster {

UnaryInfer::~UnaryInfer() {
  if (inference_ != nullptr && inference_->is_out()) (void)inference_.release();
}

void UnaryInfer::arm(std::list<UnaryInfer>::iterator place) {
  place_ = place;
  done_ = cancelled_ = finished_ = false;
  answered_at_ = kNoDeadline;
  call_.request(calls_.server_, calls_.method_, *calls_.environment_.loop.queue().cq(), arrived_);
}

void UnaryInfer::arrived(bool ok) {
  if (!ok) {
    // The server has been shut down; gRPC will not say `done` of a call that never was.
    calls_.open_.erase(place_);
    return;
  }
  call_.watch(done_operation_);
  CallEnvironment& environment = calls_.environment_;
  calls_.arm_one();
  environment.open_calls.enter();
  record_.begin(environment, kModelInferPath);
  record_.received(length_of(call_.message()));
  inference_ = calls_.spare_.take();
  compression_ = compression_of(call_.message());
  Status status = admit(environment, kModelInferRight, call_);
  if (status.ok()) status = inference_->decode(call_.message(), environment, call_);
  call_.drop_message();
  if (!status.ok()) return finish(grpc_status(status));
  environment.loop.depart_with_round(*this);
}

void UnaryInfer::depart() {
  if (cancelled_) return finish(grpc::Status::CANCELLED);
  inference_->hand_in(calls_.environment_.services.inference, calls_.environment_.loop.burst(),
                      *this);
}

void UnaryInfer::answered(GrpcInference& inference) {
  const InferResponse* response = inference.response();
  if (response == nullptr) return finish(inference.failure());
  if (cancelled_) return finish(grpc::Status::CANCELLED);
  grpc::Slice reply;
  Status status = inference.encode(calls_.reply_);
  if (status.ok()) status = write_reply(calls_.reply_, reply);
  calls_.reply_.clear();
  if (!status.ok()) return finish(grpc_status(status));
  finish(grpc::Status::OK, reply, timing_of(*response));
}

void UnaryInfer::finish(const grpc::Status& status, const grpc::Slice& reply,
                        std::string_view timing) {
  record_.end(call_, status, reply.size(), cancelled_, inference_->details());
  if (!calls_.environment_.loop.takes_operations()) return finished(false);
  answered_at_ = calls_.environment_.services.clock.now();
  answer_bytes_ = reply.size();
  call_.finish({status, reply, compression_, timing}, finished_operation_);
}

void UnaryInfer::finished(bool) {
  finished_ = true;
  calls_.environment_.open_calls.leave();
  end_if_over();
}

void UnaryInfer::check_time(TimePoint now) {
  if (finished_ || answered_at_ == kNoDeadline) return;
  const auto limit = send_limit(calls_.environment_.services.limits, answer_bytes_);
  if (now - answered_at_ >= limit) call_.cancel();
}

void UnaryInfer::done(bool ok) {
  done_ = true;
  cancelled_ = !ok || call_.was_cancelled();
  if (cancelled_ && inference_ != nullptr && inference_->is_out())
    inference_->cancel(calls_.environment_.services.inference);
  end_if_over();
}

void UnaryInfer::end_if_over() {
  // Once the loop takes no operations, calls are destroyed with their list, after it has stopped.
  if (!calls_.environment_.loop.takes_operations()) return;
  if (!done_ || !finished_) return;
  if (inference_ != nullptr) calls_.spare_.give_back(std::move(inference_));
  call_.clear();
  calls_.put_away(place_);
}

UnaryInfers::UnaryInfers(CallEnvironment& environment, grpc::Server& server,
                         const InferMethod& method)
    : environment_(environment),
      server_(*server.c_server()),
      method_(method.name_in_core()),
      spare_(environment.loop.mailbox()) {}

void UnaryInfers::begin() {
  for (std::size_t armed = 0; armed < kArmed; ++armed)
    arm_one();
}

void UnaryInfers::check_time(TimePoint now) {
  for (UnaryInfer& call : open_)
    call.check_time(now);
}

void UnaryInfers::arm_one() {
  if (!environment_.loop.takes_operations()) return;
  if (idle_.empty()) idle_.emplace_back(*this);
  const auto call = idle_.begin();
  open_.splice(open_.end(), idle_, call);
  call->arm(call);
}

void UnaryInfers::put_away(std::list<UnaryInfer>::iterator call) {
  if (idle_.size() < kMaxIdle) {
    idle_.splice(idle_.begin(), open_, call);
  } else {
    open_.erase(call);
  }
}

}  // namespace muster
