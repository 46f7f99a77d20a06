// SPDX-License-Identifier: Apache-2.0
#include "frontend/grpc/calls/generic_call.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "frontend/grpc/calls/message_bytes.h"

namespace muster {
namespace {

constexpr GrpcMethod kUnknownMethod{"", Right::kHealth, nullptr};

}  // namespace

GenericCall::GenericCall(GenericCalls& calls) : calls_(calls) {}

CallEnvironment& GenericCall::environment() const noexcept {
  return calls_.environment_;
}

SpareInferences& GenericCall::spare_inferences() noexcept {
  return calls_.spare_;
}

void GenericCall::arm(std::list<GenericCall>::iterator place) {
  place_ = place;
  context_.AsyncNotifyWhenDone(&done_operation_);
  grpc::ServerCompletionQueue& queue = environment().loop.queue();
  calls_.service_.RequestCall(&context_, &stream_, &queue, &queue, &arrived_);
}

void GenericCall::arrived(bool ok) {
  if (!ok) {
    // The server has been shut down; gRPC will not say `done` of a call that never was.
    calls_.open_.erase(place_);
    return;
  }
  calls_.arm_one();
  const auto method =
      std::find_if(calls_.methods_.begin(), calls_.methods_.end(),
                   [this](const GrpcMethod& one) { return one.path == context_.method(); });
  method_ = method == calls_.methods_.end() ? &kUnknownMethod : &*method;
  // Health is told to the end, so that such a call may come when nobody says any more that the
  // server stops: it is waited for when it has asked something.
  if (method_->right != Right::kHealth) be_awaited();
  Status admitted = method_ == &kUnknownMethod
                        ? unimplemented("there is no method " + printable(context_.method()))
                        : admit_caller();
  if (method_->asks_once) waiting_since_ = environment().services.clock.now();
  recorded_ = method_->recorded || !admitted.ok();
  if (recorded_) record_.begin(environment(), context_.method());
  if (!admitted.ok()) return finish(grpc_status(admitted));
  conversation_ = method_->begin(*this);
  read();
  conversation_->begin();
}

Status GenericCall::admit_caller() const {
  Status admitted = admit(environment(), method_->right, caller());
  if (admitted.ok() || !method_->or_right) return admitted;
  return admit(environment(), *method_->or_right, caller()).ok() ? Status() : admitted;
}

// What anybody may ask is as small as the head of a request.
Status GenericCall::parse(const grpc::ByteBuffer& bytes,
                          google::protobuf::MessageLite& message) const {
  const FrontendLimits& limits = environment().services.limits;
  const std::size_t most = method_->right == Right::kHealth
                               ? std::min(limits.max_header_bytes, limits.max_control_bytes)
                               : limits.max_control_bytes;
  return parse_message(bytes, most, message);
}

void GenericCall::read() {
  if (reading_ || finish_ || !environment().loop.takes_operations()) return;
  reading_ = true;
  stream_.Read(&received_, &read_);
}

void GenericCall::read_over(bool ok) {
  reading_ = false;
  waiting_since_ = kNoDeadline;
  if (finish_) return end_if_over();
  if (!ok) return conversation_->half_closed();
  be_awaited();
  if (recorded_) record_.received(received_.Length());
  // Who sends compressed can read it; gRPC wants to hear of it once, before the first write.
  if (const auto compression = compression_of(core_buffer_of(received_));
      compression != GRPC_COMPRESS_NONE && !heard_compressed_) {
    heard_compressed_ = true;
    context_.set_compression_algorithm(compression);
  }
  grpc::ByteBuffer bytes;
  bytes.Swap(&received_);
  conversation_->message(bytes);
}

void GenericCall::write(grpc::ByteBuffer bytes) {
  if (finish_ || broken_ || !environment().loop.takes_operations()) return;
  writing_ = true;
  writing_since_ = environment().services.clock.now();
  writing_bytes_ = bytes.Length();
  sent_bytes_ += writing_bytes_;
  stream_.Write(bytes, &write_);
}

void GenericCall::write_over(bool ok) {
  writing_ = false;
  writing_since_ = kNoDeadline;
  broken_ = broken_ || !ok;
  if (finish_) return begin_finish();
  if (ok) conversation_->written();
}

void GenericCall::finish(const grpc::Status& status, std::optional<grpc::ByteBuffer> last) {
  if (finish_) return;
  be_awaited();
  finish_ = status;
  last_ = std::move(last);
  if (last_) sent_bytes_ += last_->Length();
  if (recorded_) record_.end(caller(), status, sent_bytes_, cancelled_);
  if (!writing_) begin_finish();
}

void GenericCall::begin_finish() {
  if (!environment().loop.takes_operations()) return finish_over(false);
  writing_since_ = environment().services.clock.now();
  writing_bytes_ = last_ ? last_->Length() : 0;
  if (last_) {
    stream_.WriteAndFinish(*last_, grpc::WriteOptions(), *finish_, &finish_operation_);
  } else {
    stream_.Finish(*finish_, &finish_operation_);
  }
}

void GenericCall::finish_over(bool) {
  finished_ = true;
  writing_since_ = kNoDeadline;
  if (std::exchange(awaited_, false)) environment().open_calls.leave();
  end_if_over();
}

void GenericCall::be_awaited() {
  if (!method_->awaited || awaited_ || finished_) return;
  awaited_ = true;
  environment().open_calls.enter();
}

void GenericCall::done(bool) {
  done_ = true;
  cancelled_ = context_.IsCancelled();
  if (cancelled_ && !finish_) conversation_->cancelled();
  end_if_over();
}

void GenericCall::stop() {
  if (conversation_ != nullptr && !finish_) conversation_->stop();
}

void GenericCall::check_time(TimePoint now) {
  const FrontendLimits& limits = environment().services.limits;
  if (waiting_since_ != kNoDeadline && now - waiting_since_ >= limits.receive_timeout) {
    finish({grpc::StatusCode::CANCELLED, "the message did not come in time"});
  }
  if (writing_since_ != kNoDeadline && now - writing_since_ >= send_limit(limits, writing_bytes_)) {
    context_.TryCancel();
  }
}

void GenericCall::end_if_over() {
  // Once the loop takes no operations, calls are destroyed with their list, after it has stopped.
  if (!environment().loop.takes_operations()) return;
  if (!done_ || !finished_ || reading_ || writing_) return;
  if (conversation_ != nullptr && !conversation_->may_end()) return;
  calls_.open_.erase(place_);
}

GenericCalls::GenericCalls(CallEnvironment& environment, grpc::AsyncGenericService& service,
                           std::span<const GrpcMethod> methods)
    : environment_(environment),
      service_(service),
      methods_(methods),
      spare_(environment.loop.mailbox()) {}

void GenericCalls::begin() {
  for (std::size_t armed = 0; armed < kArmed; ++armed)
    arm_one();
}

void GenericCalls::arm_one() {
  if (!environment_.loop.takes_operations()) return;
  open_.emplace_back(*this);
  const auto call = std::prev(open_.end());
  call->arm(call);
}

void GenericCalls::check_time(TimePoint now) {
  for (auto call = open_.begin(); call != open_.end();) {
    const auto current = call++;
    current->check_time(now);
  }
}

void GenericCalls::stop() {
  // A conversation that ends here takes itself off the list.
  for (auto call = open_.begin(); call != open_.end();) {
    const auto current = call++;
    current->stop();
  }
}

}  // namespace muster
