// SPDX-License-Identifier: Apache-2.0
#include "frontend/grpc/services/health.h"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <grpc/support/time.h>
#include <grpcpp/alarm.h>

#include "base/text.h"
#include "frontend/grpc/calls/generic_call.h"
#include "frontend/grpc/calls/message_bytes.h"
#include "frontend/grpc/calls/unary_conversation.h"
#include "grpc_health.pb.h"

namespace muster {
namespace {

namespace health = ::grpc::health::v1;
using Serving = health::HealthCheckResponse::ServingStatus;

// How often a watched status is looked at. That the server stops is told at once.
constexpr std::int64_t kLookEveryMilliseconds = 500;

bool is_known(const std::string& service) {
  return service.empty() || service == "inference.GRPCInferenceService";
}

Serving serving(CallEnvironment& environment) {
  return !environment.open_calls.stopping() && environment.services.models.ready()
             ? health::HealthCheckResponse::SERVING
             : health::HealthCheckResponse::NOT_SERVING;
}

Status check(GenericCall& call, const health::HealthCheckRequest& request,
             health::HealthCheckResponse& reply) {
  if (!is_known(request.service()))
    return not_found("there is no service " + printable(request.service()));
  reply.set_status(serving(call.environment()));
  return {};
}

class WatchConversation final : public Conversation {
 public:
  explicit WatchConversation(GenericCall& call) noexcept : call_(call) {}

  void message(const grpc::ByteBuffer& bytes) override {
    health::HealthCheckRequest request;
    const Status status = call_.parse(bytes, request);
    if (!status.ok()) return call_.finish(grpc_status(status));
    known_ = is_known(request.service());
    asked_ = true;
    look();
  }
  void half_closed() override {
    if (!asked_) call_.finish({grpc::StatusCode::INVALID_ARGUMENT, "the call has no message"});
  }
  void written() override { look(); }
  void cancelled() override {
    call_.finish(grpc::Status::CANCELLED);
    if (waiting_) alarm_.Cancel();
  }
  void stop() override {
    if (asked_) look();
  }
  [[nodiscard]] bool may_end() const override { return !waiting_; }

 private:
  // Tells the status if it is another than was told last, and looks again later.
  void look() {
    const Serving now =
        known_ ? serving(call_.environment()) : health::HealthCheckResponse::SERVICE_UNKNOWN;
    if (now != told_ && !call_.is_writing()) {
      health::HealthCheckResponse reply;
      reply.set_status(now);
      grpc::ByteBuffer bytes;
      const Status status = write_message(reply, bytes);
      if (!status.ok()) return call_.finish(grpc_status(status));
      told_ = now;
      call_.write(std::move(bytes));
    }
    wait();
  }
  void wait() {
    CompletionLoop& loop = call_.environment().loop;
    if (waiting_ || !loop.takes_operations()) return;
    waiting_ = true;
    alarm_.Set(&loop.queue(),
               gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                            gpr_time_from_millis(kLookEveryMilliseconds, GPR_TIMESPAN)),
               &rang_);
  }
  void rang(bool) {
    waiting_ = false;
    if (call_.is_finished()) return call_.end_if_over();
    look();
  }

  GenericCall& call_;
  bool asked_ = false;
  bool known_ = false;
  std::optional<Serving> told_;
  bool waiting_ = false;  // the alarm is set
  grpc::Alarm alarm_;
  Operation rang_ = operation_of<&WatchConversation::rang>(this);
};

}  // namespace

std::array<GrpcMethod, 2> health_methods() {
  return {GrpcMethod{"/grpc.health.v1.Health/Check", Right::kHealth, &MethodOf<&check>::begin},
          GrpcMethod{.path = "/grpc.health.v1.Health/Watch",
                     .right = Right::kHealth,
                     .begin = [](GenericCall& call) -> std::unique_ptr<Conversation> {
                       return std::make_unique<WatchConversation>(call);
                     },
                     .awaited = false,
                     .recorded = false}};
}

}  // namespace muster
