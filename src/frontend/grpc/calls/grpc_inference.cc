// SPDX-License-Identifier: Apache-2.0
#include "frontend/grpc/calls/grpc_inference.h"

#include <new>
#include <utility>

#include "frontend/caller_permission.h"
#include "protocol/grpc/grpc_infer.h"

namespace muster {

namespace {

class GrpcPermission final : public CallerPermission {
 public:
  GrpcPermission(const CallEnvironment& environment, const GrpcCaller& caller) noexcept
      : environment_(environment), caller_(caller) {}

 private:
  [[nodiscard]] Status ask(Right right) const override {
    return grant(environment_, right, caller_);
  }

  const CallEnvironment& environment_;
  const GrpcCaller& caller_;
};

}  // namespace

Status GrpcInference::decode(const grpc_byte_buffer* buffer, const CallEnvironment& environment,
                             const GrpcCaller& caller) try {
  const FrontServices& services = environment.services;
  const TimePoint deadline = deadline_of(caller, services.clock);
  if (buffer == nullptr) return invalid_argument("there is no message");
  MUSTER_RETURN_IF_ERROR(bytes_.take(buffer->data.raw.slice_buffer,
                                     buffer->data.raw.compression != GRPC_COMPRESS_NONE,
                                     services.limits.max_decompressed_bytes));
  MUSTER_RETURN_IF_ERROR(message_.read(bytes_.bytes(), services.limits.protocol));
  const GrpcPermission permission(environment, caller);
  const DecodeContext context{&services.limits.protocol, &services.regions, services.clock.now(),
                              &permission};
  MUSTER_RETURN_IF_ERROR(decode_grpc_infer(message_, context, call_));
  InferRequest& request = call_.request;
  deadline_is_the_calls_ = deadline != kNoDeadline && deadline <= request.deadline;
  if (deadline_is_the_calls_) request.deadline = deadline;
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
  mailbox_->send(*this);
}

void GrpcInference::open() {
  Asker* asker = std::exchange(asker_, nullptr);
  asker->answered(*this);
}

grpc::Status GrpcInference::failure() const {
  return grpc_status(outcome_->status(), deadline_is_the_calls_);
}

Status GrpcInference::encode(InferReply& reply) const try {
  return reply.prepare(call_.wishes, outcome_->value());
} catch (const std::bad_alloc&) {
  return resource_exhausted("there is no memory for the answer");
}

InferenceDetails GrpcInference::details() const {
  InferenceDetails details{.request_id = message_.id(), .model = message_.model_name()};
  if (const InferResponse* answer = response()) {
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
  if (spare_.empty()) return std::make_unique<GrpcInference>(mailbox_);
  auto inference = std::move(spare_.back());
  spare_.pop_back();
  return inference;
}

void SpareInferences::give_back(std::unique_ptr<GrpcInference> inference) {
  inference->clear();
  if (spare_.size() < kMaxSpare) spare_.push_back(std::move(inference));
}

}  // namespace muster
