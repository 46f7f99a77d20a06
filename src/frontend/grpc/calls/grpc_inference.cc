// SPDX-License-Identifier: Apache-2.0
#include "frontend/grpc/calls/grpc_inference.h"

#include <algorithm>
#include <new>
#include <utility>

#include "frontend/caller_permission.h"
#include "protocol/grpc/grpc_infer.h"

namespace muster {

namespace {

class GrpcPermission final : public CallerPermission {
 public:
  GrpcPermission(const CallEnvironment& environment, const Http2Stream& stream) noexcept
      : environment_(environment), stream_(stream) {}

 private:
  [[nodiscard]] Status ask(Right right) const override {
    return grant(environment_, right, stream_);
  }

  const CallEnvironment& environment_;
  const Http2Stream& stream_;
};

}  // namespace

Status GrpcInference::decode(MessageCoding coding, TimePoint deadline,
                             const CallEnvironment& environment, const Http2Stream& stream) try {
  const FrontServices& services = environment.services;
  MUSTER_RETURN_IF_ERROR(
      inflate_in_place({bytes_, coding}, services.limits.max_decompressed_bytes));
  MUSTER_RETURN_IF_ERROR(message_.read(bytes_.text(), services.limits.protocol));
  const TimePoint now = environment.thread.now();
  const GrpcPermission permission(environment, stream);
  const DecodeContext context{&services.limits.protocol, &services.regions, now, &permission};
  MUSTER_RETURN_IF_ERROR(decode_grpc_infer(message_, context, call_));
  InferRequest& request = call_.request;
  deadline_is_the_calls_ = deadline != kNoDeadline && deadline <= request.deadline;
  // On a stream, one that has passed may be long ago: what comes now is late from now on.
  if (deadline_is_the_calls_) request.deadline = std::max(deadline, now);
  request.received_at = environment.thread.came_after();
  ticket_ = new_ticket();
  request.ticket = ticket_;
  return {};
} catch (const std::bad_alloc&) {
  return resource_exhausted("there is no memory for the request");
}

void GrpcInference::hand_in(InferenceService& service, Burst& burst, Asker& asker) {
  asker_ = &asker;
  service.infer_in(burst, std::move(call_.request),
                   [this](Result<InferResponse> outcome) { take_answer(std::move(outcome)); });
}

void GrpcInference::take_answer(Result<InferResponse> outcome) {
  outcome_.emplace(std::move(outcome));
  // Held here: once pushed, this may be gone, and the front end as well.
  const std::shared_ptr<Mailbox> mailbox = mailbox_;
  mailbox->push(this);
}

void GrpcInference::open() {
  Asker* asker = std::exchange(asker_, nullptr);
  // Before it is written: on a stream it may have to wait for others, or for its reader.
  const InferResponse* const answer = response();
  if (answer != nullptr && answer->delivery.meter) answer->delivery.ended(clock_.now());
  asker->answered(*this);
}

GrpcStatus GrpcInference::failure() const {
  return grpc_status(outcome_->status(), deadline_is_the_calls_);
}

Status GrpcInference::encode(InferReply& reply) const try {
  return reply.prepare(call_.wishes, outcome_->value());
} catch (const std::bad_alloc&) {
  return resource_exhausted("there is no memory for the answer");
}

InferenceDetails GrpcInference::details() const {
  InferenceDetails details{.request_id = message_.id(), .model = message_.model_name()};
  // While it is out the outcome is another thread's to write.
  if (const InferResponse* answer = is_out() ? nullptr : response()) {
    if (answer->model != nullptr) details.version = answer->model->version;
    details.batch = &answer->batch;
  }
  return details;
}

void GrpcInference::clear() {
  outcome_.reset();
  call_ = {};
  message_.clear();
  bytes_.clear();
}

std::unique_ptr<GrpcInference> SpareInferences::take() {
  if (spare_.empty()) return std::make_unique<GrpcInference>(environment_);
  auto inference = std::move(spare_.back());
  spare_.pop_back();
  return inference;
}

void SpareInferences::give_back(std::unique_ptr<GrpcInference> inference) {
  inference->clear();
  if (spare_.size() < kMaxSpare) spare_.push_back(std::move(inference));
}

}  // namespace muster
