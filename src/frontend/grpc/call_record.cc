// SPDX-License-Identifier: Apache-2.0
#include "frontend/grpc/call_record.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "protocol/status_codes.h"

namespace muster {
namespace {

constexpr std::string_view kBearer = "bearer ";

// "" where the call has no bearer token.
std::string_view bearer_token(const Http2Stream& stream) {
  const std::string_view value = stream.field(Http2Field::kAuthorization);
  if (value.size() < kBearer.size() ||
      !std::equal(kBearer.begin(), kBearer.end(), value.begin(), [](char wanted, char given) {
        return std::tolower(static_cast<unsigned char>(given)) == wanted;
      }))
    return {};
  return value.substr(kBearer.size());
}

bool is_server_error(StatusCode code) {
  return http_status(code) >= 500;
}

}  // namespace

Status grant(const CallEnvironment& environment, Right right, const Http2Stream& stream) {
  return environment.services.access.check(
      right,
      {.bearer_token = bearer_token(stream), .listener_is_loopback = stream.peer().is_loopback});
}

Status admit(const CallEnvironment& environment, Right right, const Http2Stream& stream) {
  if (right == Right::kHealth) return {};
  MUSTER_RETURN_IF_ERROR(grant(environment, right, stream));
  if (environment.open_calls.stopping()) return unavailable("the server is shutting down");
  return {};
}

void CallRecord::begin(const CallEnvironment& environment, std::string_view method,
                       const Http2Peer& peer) {
  environment_ = &environment;
  method_ = method;
  request_bytes_ = 0;
  is_begun_ = true;
  environment.services.metrics.grpc.requests.add();
  if (!environment.services.access_log.enabled()) return;
  begun_ = environment.services.clock.now();
  peer_ = peer.text;
}

void CallRecord::received(std::size_t bytes) {
  request_bytes_ += bytes;
  environment_->services.metrics.grpc.received_bytes.add(bytes);
  if (environment_->services.access_log.enabled()) begun_ = environment_->services.clock.now();
}

void CallRecord::end(const GrpcStatus& status, std::size_t reply_bytes, bool disconnected,
                     const InferenceDetails& details) {
  is_begun_ = false;
  TransportMetrics& metrics = environment_->services.metrics.grpc;
  metrics.requests_answered.add();
  metrics.sent_bytes.add(reply_bytes);
  if (disconnected) {
    metrics.disconnects.add();
  } else if (!status.ok()) {
    (is_server_error(status.code) ? metrics.server_errors : metrics.client_errors).add();
  }
  AccessLog& log = environment_->services.access_log;
  if (!log.enabled()) return;
  AccessEntry entry;
  entry.transport = "grpc";
  entry.peer = peer_;
  entry.method = method_.substr(method_.rfind('/') + 1);
  entry.target = method_;
  entry.request_id = details.request_id;
  entry.model = details.model;
  entry.version = details.version;
  entry.status = static_cast<int>(status.code);
  entry.request_bytes = request_bytes_;
  entry.reply_bytes = reply_bytes;
  entry.duration = environment_->services.clock.now() - begun_;
  entry.batch = details.batch;
  entry.error = status.message;
  log.write(entry);
}

void CallRecord::lose() noexcept {
  if (!std::exchange(is_begun_, false)) return;
  environment_->services.metrics.grpc.requests_answered.add();
  environment_->services.metrics.grpc.disconnects.add();
}

}  // namespace muster
