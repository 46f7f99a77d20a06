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
  context_.emplace();
  writer_.emplace(&*context_);
  context_->AsyncNotifyWhenDone(&done_operation_);
  calls_.method_.request(&*context_, &request_, &*writer_, &calls_.environment_.loop.queue(),
                         &arrived_);
}

void UnaryInfer::arrived(bool ok) {
  if (!ok) {
    // The server has been shut down; gRPC will not say `done` of a call that never was.
    calls_.open_.erase(place_);
    return;
  }
  CallEnvironment& environment = calls_.environment_;
  calls_.arm_one();
  environment.open_calls.enter();
  record_.begin(environment, kModelInferPath);
  record_.received(request_.Length());
  inference_ = calls_.spare_.take();
  if (const auto compression = compression_of(request_); compression != GRPC_COMPRESS_NONE)
    context_->set_compression_algorithm(compression);
  Status status = admit(environment, Right::kInfer, *context_);
  if (status.ok()) {
    status = inference_->decode(request_, deadline_of(*context_, environment.services.clock),
                                environment.services);
  }
  request_.Clear();
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
  calls_.reply_.Clear();
  Status status = inference.encode(calls_.reply_);
  if (status.ok()) status = write_message(calls_.reply_, reply_);
  if (status.ok()) context_->AddTrailingMetadata(kTimingKey, timing_of(*response));
  finish(grpc_status(status));
}

void UnaryInfer::finish(const grpc::Status& status) {
  record_.end(*context_, status, status.ok() ? reply_.Length() : 0, cancelled_,
              inference_->details());
  if (!calls_.environment_.loop.takes_operations()) return finished(false);
  answered_at_ = calls_.environment_.services.clock.now();
  if (status.ok()) {
    writer_->Finish(reply_, status, &finished_operation_);
  } else {
    writer_->FinishWithError(status, &finished_operation_);
  }
}

void UnaryInfer::finished(bool) {
  finished_ = true;
  calls_.environment_.open_calls.leave();
  end_if_over();
}

void UnaryInfer::cancel_if_unread(TimePoint oldest) {
  if (!finished_ && answered_at_ < oldest) context_->TryCancel();
}

void UnaryInfer::done(bool) {
  done_ = true;
  cancelled_ = context_->IsCancelled();
  if (cancelled_ && inference_ != nullptr && inference_->is_out())
    inference_->cancel(calls_.environment_.services.inference);
  end_if_over();
}

void UnaryInfer::end_if_over() {
  // Once the loop takes no operations, calls are destroyed with their list, after it has stopped.
  if (!calls_.environment_.loop.takes_operations()) return;
  if (!done_ || !finished_) return;
  if (inference_ != nullptr) calls_.spare_.give_back(std::move(inference_));
  writer_.reset();
  context_.reset();
  reply_.Clear();
  calls_.put_away(place_);
}

UnaryInfers::UnaryInfers(CallEnvironment& environment, InferMethod& method)
    : environment_(environment), method_(method), spare_(environment.loop.mailbox()) {}

void UnaryInfers::begin() {
  for (std::size_t armed = 0; armed < kArmed; ++armed)
    arm_one();
}

void UnaryInfers::cancel_unread(TimePoint oldest) {
  for (UnaryInfer& call : open_)
    call.cancel_if_unread(oldest);
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
