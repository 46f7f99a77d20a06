// SPDX-License-Identifier: Apache-2.0
#include "frontend/grpc/call_record.h"

#include <algorithm>
#include <cctype>
#include <string>

#include <grpc/support/time.h>

#include "protocol/status_codes.h"

namespace muster {
namespace {

constexpr std::string_view kBearer = "bearer ";
constexpr std::string_view kAuthorization = "authorization";

// "" where the call has no bearer token.
std::string_view bearer_token(const GrpcCaller& caller) {
  const std::string_view value = caller.metadata(kAuthorization);
  const auto same = [](char given, char wanted) {
    return std::tolower(static_cast<unsigned char>(given)) == wanted;
  };
  if (value.size() < kBearer.size() ||
      !std::equal(kBearer.begin(), kBearer.end(), value.begin(),
                  [&same](char wanted, char given) { return same(given, wanted); }))
    return {};
  return value.substr(kBearer.size());
}

bool is_server_error(grpc::StatusCode code) {
  return http_status(static_cast<StatusCode>(code)) >= 500;
}

}  // namespace

Status grant(const CallEnvironment& environment, Right right, const GrpcCaller& caller) {
  // The token and the peer are looked at only where it takes more than nothing to be let in: gRPC
  // sorts the call's metadata for the one and prints an address for the other.
  Status granted =
      environment.services.access.check(right, {.listener_is_loopback = environment.loopback_only});
  if (granted.ok()) return granted;
  return environment.services.access.check(
      right,
      {.bearer_token = bearer_token(caller),
       .listener_is_loopback = environment.loopback_only || caller.peer().starts_with("unix")});
}

Status admit(const CallEnvironment& environment, Right right, const GrpcCaller& caller) {
  if (right == Right::kHealth) return {};
  MUSTER_RETURN_IF_ERROR(grant(environment, right, caller));
  if (environment.open_calls.stopping()) return unavailable("the server is shutting down");
  return {};
}

TimePoint deadline_of(const GrpcCaller& caller, Clock& clock) {
  const gpr_timespec deadline = gpr_convert_clock_type(caller.deadline(), GPR_CLOCK_MONOTONIC);
  if (gpr_time_cmp(deadline, gpr_inf_future(GPR_CLOCK_MONOTONIC)) == 0) return kNoDeadline;
  const gpr_timespec left = gpr_time_sub(deadline, gpr_now(GPR_CLOCK_MONOTONIC));
  if (left.tv_sec < 0) return clock.now();
  return add_saturating(clock.now(), std::chrono::seconds(std::min<std::int64_t>(
                                         left.tv_sec, std::int64_t{1} << 32)) +
                                         std::chrono::nanoseconds(left.tv_nsec));
}

grpc::Status grpc_status(const Status& status, bool deadline_is_the_calls) {
  if (status.ok()) return grpc::Status::OK;
  return {static_cast<grpc::StatusCode>(grpc_code(status.code(), deadline_is_the_calls)),
          client_message(status)};
}

void CallRecord::begin(const CallEnvironment& environment, std::string_view method) {
  environment_ = &environment;
  method_ = method;
  request_bytes_ = 0;
  environment.services.metrics.grpc.requests.add();
  if (environment.services.access_log.enabled()) begun_ = environment.services.clock.now();
}

void CallRecord::received(std::size_t bytes) {
  request_bytes_ += bytes;
  environment_->services.metrics.grpc.received_bytes.add(bytes);
  if (environment_->services.access_log.enabled()) begun_ = environment_->services.clock.now();
}

void CallRecord::end(const GrpcCaller& caller, const grpc::Status& status, std::size_t reply_bytes,
                     bool disconnected, const InferenceDetails& details) {
  TransportMetrics& metrics = environment_->services.metrics.grpc;
  metrics.requests_answered.add();
  metrics.sent_bytes.add(reply_bytes);
  if (disconnected) {
    metrics.disconnects.add();
  } else if (!status.ok()) {
    (is_server_error(status.error_code()) ? metrics.server_errors : metrics.client_errors).add();
  }
  AccessLog& log = environment_->services.access_log;
  if (!log.enabled()) return;
  const std::string peer = environment_->peers.of(caller.peer());
  AccessEntry entry;
  entry.transport = "grpc";
  entry.peer = peer;
  entry.method = method_.substr(method_.rfind('/') + 1);
  entry.target = method_;
  entry.request_id = details.request_id;
  entry.model = details.model;
  entry.version = details.version;
  entry.status = static_cast<int>(status.error_code());
  entry.request_bytes = request_bytes_;
  entry.reply_bytes = reply_bytes;
  entry.duration = environment_->services.clock.now() - begun_;
  entry.batch = details.batch;
  const std::string error = status.error_message();
  entry.error = error;
  log.write(entry);
}

}  // namespace muster
