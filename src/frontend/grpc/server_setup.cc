// SPDX-License-Identifier: Apache-2.0
#include "frontend/grpc/server_setup.h"

#include <algorithm>
#include <chrono>
#include <climits>
#include <string>

#include <absl/synchronization/mutex.h>
#include <grpc/support/log.h>
#include <grpcpp/resource_quota.h>

#include "base/log.h"

namespace muster {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

// A peer that is gone without a word is found out after this and kKeepalivePatience.
constexpr milliseconds kKeepaliveAfter = minutes(1);
// Clients that ping more often than this without a call open are sent away.
constexpr milliseconds kPingAtMostEvery = seconds(5);

// What one read of a connection has room for at least. gRPC's 8 KiB hold two small messages and a
// half, so that every third would be read in two goes, each with all that gRPC does for a read.
constexpr std::size_t kMinReadBytes = std::size_t{32} << 10;

int as_int(std::size_t number) {
  return static_cast<int>(std::min<std::size_t>(number, INT_MAX));
}

int as_int(milliseconds time) {
  return as_int(static_cast<std::size_t>(std::max<milliseconds::rep>(time.count(), 0)));
}

}  // namespace

void set_limits(const FrontendLimits& limits, grpc::ServerBuilder& builder) {
  builder.SetMaxReceiveMessageSize(as_int(limits.max_body_bytes));
  builder.SetMaxSendMessageSize(-1);
  grpc::ResourceQuota quota("muster");
  quota.Resize(limits.max_grpc_bytes);
  builder.SetResourceQuota(quota);
  const auto set = [&builder](const char* name, int value) {
    builder.AddChannelArgument(name, value);
  };
  // Two servers on one port would share its connections and nobody would be told.
  set(GRPC_ARG_ALLOW_REUSEPORT, 0);
  // gRPC would inflate without a limit; calls/message_bytes does it with one.
  set(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
  // A request that waits has its deadline in the queue, and one that runs is worth its answer. gRPC
  // would keep a timer for each call, and cancel calls whose answer is on its way.
  set(GRPC_ARG_ENABLE_DEADLINE_CHECKS, 0);
  // Counts and traces for a service that is not offered.
  set(GRPC_ARG_ENABLE_CHANNELZ, 0);
  set(GRPC_ARG_TCP_MIN_READ_CHUNK_SIZE, as_int(kMinReadBytes));
  set(GRPC_ARG_MAX_CONCURRENT_STREAMS, as_int(limits.max_streams));
  set(GRPC_ARG_MAX_METADATA_SIZE, as_int(limits.max_header_bytes));
  set(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, as_int(limits.receive_timeout));
  if (limits.grpc_idle_timeout.count() > 0) {
    set(GRPC_ARG_MAX_CONNECTION_IDLE_MS, as_int(limits.grpc_idle_timeout));
  }
  set(GRPC_ARG_KEEPALIVE_TIME_MS, as_int(kKeepaliveAfter));
  set(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, as_int(kKeepalivePatience));
  set(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  set(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, as_int(kPingAtMostEvery));
}

void log_what_grpc_says() {
  gpr_set_log_function([](gpr_log_func_args* said) {
    // What gRPC calls an error is most often a client that broke off or sent nonsense.
    log(said->severity == GPR_LOG_SEVERITY_ERROR ? LogLevel::kInfo : LogLevel::kDebug,
        std::string("gRPC: ") + said->message);
  });
}

void spare_lock_checks() {
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
}

}  // namespace muster
