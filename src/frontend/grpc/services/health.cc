// SPDX-License-Identifier: Apache-2.0
#include "frontend/grpc/services/health.h"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/text.h"
#include "frontend/grpc/calls/call_limits.h"
#include "frontend/grpc/calls/generic_call.h"
#include "frontend/grpc/calls/unary_conversation.h"
#include "grpc_health.pb.h"

namespace muster {
namespace {

namespace health = ::grpc::health::v1;
using Serving = health::HealthCheckResponse::ServingStatus;

// How often a watched status is looked at. That the server stops is told at once.
constexpr std::chrono::milliseconds kLookEvery{500};

bool is_known(const std::string& service) {
  return service.empty() || service == "inference.GRPCInferenceService";
}

Serving serving(const CallEnvironment& environment) {
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

  void message(const ReceivedMessage& received) override {
    health::HealthCheckRequest request;
    const Status status = call_.parse(received, request);
    if (!status.ok()) return call_.finish(grpc_status(status));
    known_ = is_known(request.service());
    asked_ = true;
    look();
  }
  void half_closed() override { call_.finish(no_message()); }
  void written() override { look(); }
  void check_time(TimePoint now) override {
    if (!asked_ || now - looked_at_ < kLookEvery) return;
    looked_at_ = now;
    look();
  }
  void cancelled() override { call_.finish(cancelled_status()); }
  void stop() override {
    if (asked_) look();
  }

 private:
  // Tells the status if it is another than was told last.
  void look() {
    if (call_.is_writing()) return;
    const Serving now =
        known_ ? serving(call_.environment()) : health::HealthCheckResponse::SERVICE_UNKNOWN;
    if (now == told_) return;
    health::HealthCheckResponse reply;
    reply.set_status(now);
    MessageBytes bytes = call_.new_frame();
    const Status status = call_.frame(reply, bytes);
    if (!status.ok()) return call_.finish(grpc_status(status));
    told_ = now;
    call_.write(std::move(bytes));
  }

  GenericCall& call_;
  bool asked_ = false;
  bool known_ = false;
  std::optional<Serving> told_;
  TimePoint looked_at_{};
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
