// SPDX-License-Identifier: Apache-2.0
#include "frontend/grpc/server_setup.h"

#include <algorithm>
#include <chrono>
#include <climits>
#include <fstream>
#include <iterator>
#include <string>

#include <absl/synchronization/mutex.h>
#include <grpc/support/log.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/security/server_credentials.h>

#include "base/log.h"

namespace muster {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

// A peer that is gone without a word is found out after these.
constexpr milliseconds kKeepaliveAfter = minutes(1);
constexpr milliseconds kKeepalivePatience = seconds(20);
// Clients that ping more often than this without a call open are sent away.
constexpr milliseconds kPingAtMostEvery = seconds(5);

// What one read of a connection has room for at least. gRPC's 8 KiB hold two small messages and a
// half, so that every third would be read in two goes, each with all that gRPC does for a read.
constexpr std::size_t kMinReadBytes = std::size_t{32} << 10;

constexpr std::size_t kMaxPemBytes = std::size_t{1} << 20;

int as_int(std::size_t number) {
  return static_cast<int>(std::min<std::size_t>(number, INT_MAX));
}

int as_int(milliseconds time) {
  return as_int(static_cast<std::size_t>(std::max<milliseconds::rep>(time.count(), 0)));
}

Result<std::string> read_pem(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return not_found("cannot read the TLS file '" + path + "'");
  std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (text.find("-----BEGIN ") == std::string::npos || text.size() > kMaxPemBytes)
    return invalid_argument("the TLS file '" + path + "' is no PEM");
  return text;
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
  set(GRPC_ARG_TCP_MIN_READ_CHUNK_SIZE, as_int(kMinReadBytes));
  set(GRPC_ARG_MAX_CONCURRENT_STREAMS, as_int(limits.max_streams));
  set(GRPC_ARG_MAX_METADATA_SIZE, as_int(limits.max_header_bytes));
  set(GRPC_ARG_MAX_CONNECTION_IDLE_MS, as_int(limits.idle_timeout));
  set(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, as_int(limits.receive_timeout));
  set(GRPC_ARG_KEEPALIVE_TIME_MS, as_int(kKeepaliveAfter));
  set(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, as_int(kKeepalivePatience));
  set(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  set(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, as_int(kPingAtMostEvery));
}

Result<std::shared_ptr<grpc::ServerCredentials>> credentials_of(const TlsFiles& tls) {
  if (!tls.enabled()) return grpc::InsecureServerCredentials();
  grpc::SslServerCredentialsOptions options(
      tls.client_ca.empty() ? GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE
                            : GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  MUSTER_ASSIGN_OR_RETURN(std::string certificate, read_pem(tls.certificate));
  MUSTER_ASSIGN_OR_RETURN(std::string key, read_pem(tls.key));
  options.pem_key_cert_pairs.push_back({std::move(key), std::move(certificate)});
  if (!tls.client_ca.empty()) {
    MUSTER_ASSIGN_OR_RETURN(options.pem_root_certs, read_pem(tls.client_ca));
  }
  return grpc::SslServerCredentials(options);
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
