// SPDX-License-Identifier: Apache-2.0
#include "frontend/grpc/grpc_frontend.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include <grpc/support/time.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/server_posix.h>

#include "frontend/grpc/acceptor.h"
#include "frontend/grpc/call_environment.h"
#include "frontend/grpc/calls/generic_call.h"
#include "frontend/grpc/calls/unary_infer.h"
#include "frontend/grpc/server_setup.h"
#include "frontend/grpc/services/generic_methods.h"
#include "frontend/grpc/sweep.h"
#include "frontend/grpc/tls_credentials.h"

namespace muster {
namespace {

// One loop with all that happens on it.
class Lane {
 public:
  Lane(std::unique_ptr<grpc::ServerCompletionQueue> queue, const FrontServices& services,
       OpenCalls& open_calls, const PeerAddresses& peers, bool loopback_only)
      : loop_(std::move(queue)), environment_{services, loop_, open_calls, peers, loopback_only} {}
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;
  ~Lane() = default;

  void start(grpc::Server& server, const InferMethod& infer_method,
             grpc::AsyncGenericService& generic, std::span<const GrpcMethod> methods) {
    infers_.emplace(environment_, server, infer_method);
    calls_.emplace(environment_, generic, methods);
    loop_.start([this] {
      infers_->begin();
      calls_->begin();
      sweep_.begin();
    });
  }
  void stop_conversations() { loop_.mailbox()->send(stop_letter_); }
  // After the server was shut down. The calls go before the server that they were made by.
  void end() {
    loop_.mailbox()->send(end_letter_);
    loop_.stop();
    infers_.reset();
    calls_.reset();
  }

 private:
  struct LaneLetter final : GrpcLetter {
    LaneLetter(Lane& its_lane, void (Lane::*what)()) noexcept : lane(its_lane), opened(what) {}
    void open() override { (lane.*opened)(); }
    void drop() override {}
    Lane& lane;
    void (Lane::*const opened)();
  };
  void stop_calls() { calls_->stop(); }
  void end_sweep() { sweep_.end(); }
  void check_time() {
    const TimePoint now = environment_.services.clock.now();
    infers_->check_time(now);
    calls_->check_time(now);
  }

  CompletionLoop loop_;
  CallEnvironment environment_;
  std::optional<UnaryInfers> infers_;
  std::optional<GenericCalls> calls_;
  [[nodiscard]] static std::chrono::milliseconds sweep_interval(const FrontendLimits& limits) {
    return std::min(limits.send_timeout, limits.receive_timeout) / 2;
  }

  // A message that does not come and a reply that nobody reads are found between one and one and a
  // half times their limits.
  Sweep sweep_{loop_, sweep_interval(environment_.services.limits), [this] { check_time(); }};
  LaneLetter stop_letter_{*this, &Lane::stop_calls};
  LaneLetter end_letter_{*this, &Lane::end_sweep};
};

// Bare, gRPC looks at a call once less, but names the peer by a descriptor's number that may have
// passed on to another connection. An access log can live with that. The rights that a Unix-domain
// socket gives cannot, so its connections go the way on which gRPC asks the socket who it is.
bool is_handed_over_bare(const GrpcListener& listener) {
  return !listener.tls.enabled() && !listener.unix_socket;
}

}  // namespace

class GrpcFrontend::Parts {
 public:
  explicit Parts(const FrontServices& services)
      : services_(services), methods_(generic_methods()) {}
  Parts(const Parts&) = delete;
  Parts& operator=(const Parts&) = delete;
  // First nothing comes any more, then the loops see the end of all that is open, then the calls
  // go, the server, its connections and the queues.
  ~Parts() {
    acceptor_.stop();
    if (server_ != nullptr) server_->Shutdown(gpr_inf_past(GPR_CLOCK_MONOTONIC));
    for (const auto& lane : lanes_)
      lane->end();
    server_.reset();
  }

  Status start(const GrpcOptions& options);
  [[nodiscard]] std::vector<std::uint16_t> ports() const { return ports_; }
  void stop_accepting();
  [[nodiscard]] bool drain(std::chrono::milliseconds limit);

 private:
  Status listen(const GrpcListener& wanted, grpc::ServerBuilder& builder);
  [[nodiscard]] std::function<void(int)> hand_over_of(
      const GrpcListener& wanted, std::shared_ptr<grpc::ServerCredentials> credentials,
      grpc::ServerBuilder& builder);

  const FrontServices& services_;
  const std::vector<GrpcMethod> methods_;
  OpenCalls open_calls_;
  PeerAddresses peers_;
  InferMethod infer_method_;
  grpc::AsyncGenericService generic_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::unique_ptr<grpc::Server> server_;
  Acceptor acceptor_{services_, peers_};
  std::vector<std::uint16_t> ports_;
  bool loopback_only_ = true;
};

Status GrpcFrontend::Parts::start(const GrpcOptions& options) {
  log_what_grpc_says();
  spare_lock_checks();
  grpc::ServerBuilder builder;
  set_limits(services_.limits, builder);
  if (options.listeners.empty()) return invalid_argument("gRPC has no listener");
  for (const GrpcListener& wanted : options.listeners)
    MUSTER_RETURN_IF_ERROR(listen(wanted, builder));
  builder.RegisterService(&infer_method_);
  builder.RegisterAsyncGenericService(&generic_);
  for (std::size_t lane = 0; lane < std::max<std::size_t>(options.threads, 1); ++lane) {
    lanes_.push_back(std::make_unique<Lane>(builder.AddCompletionQueue(), services_, open_calls_,
                                            peers_, loopback_only_));
  }
  server_ = builder.BuildAndStart();
  if (server_ == nullptr) {
    return unavailable("gRPC could not start its server; its reason is in the log at level info");
  }
  for (const auto& lane : lanes_)
    lane->start(*server_, infer_method_, generic_, methods_);
  return acceptor_.start();
}

Status GrpcFrontend::Parts::listen(const GrpcListener& wanted, grpc::ServerBuilder& builder) {
  MUSTER_ASSIGN_OR_RETURN(auto credentials, credentials_of(wanted.tls));
  auto socket = wanted.unix_socket ? ListeningSocket::on_path(wanted.address)
                                   : ListeningSocket::on_address(wanted.address, wanted.port);
  if (!socket.ok()) {
    return Status(socket.status().code(), "gRPC " + std::string(socket.status().message()));
  }
  ports_.push_back(socket->port());
  loopback_only_ = loopback_only_ && socket->is_loopback();
  std::function<void(int)> hand_over = hand_over_of(wanted, std::move(credentials), builder);
  acceptor_.add({.socket = std::move(*socket),
                 .hand_over = std::move(hand_over),
                 .limits_greeting = is_handed_over_bare(wanted)});
  return {};
}

std::function<void(int)> GrpcFrontend::Parts::hand_over_of(
    const GrpcListener& wanted, std::shared_ptr<grpc::ServerCredentials> credentials,
    grpc::ServerBuilder& builder) {
  if (is_handed_over_bare(wanted)) {
    return [this](int descriptor) { grpc::AddInsecureChannelFromFd(server_.get(), descriptor); };
  }
  using External = grpc::experimental::ExternalConnectionAcceptor;
  const std::shared_ptr<External> external = builder.experimental().AddExternalConnectionAcceptor(
      grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD,
      std::move(credentials));
  return [external](int descriptor) {
    External::NewConnectionParameters connection;
    connection.fd = descriptor;
    external->HandleNewConnection(&connection);
  };
}

void GrpcFrontend::Parts::stop_accepting() {
  if (open_calls_.stopping()) return;
  open_calls_.stop();
  for (const auto& lane : lanes_)
    lane->stop_conversations();
}

bool GrpcFrontend::Parts::drain(std::chrono::milliseconds limit) {
  stop_accepting();
  return open_calls_.await_none(services_.clock, add_saturating(services_.clock.now(), limit));
}

Result<std::unique_ptr<GrpcFrontend>> GrpcFrontend::start(const FrontServices& services,
                                                          const GrpcOptions& options) {
  auto parts = std::make_unique<Parts>(services);
  MUSTER_RETURN_IF_ERROR(parts->start(options));
  return std::unique_ptr<GrpcFrontend>(new GrpcFrontend(std::move(parts)));
}

GrpcFrontend::GrpcFrontend(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
GrpcFrontend::~GrpcFrontend() = default;

std::vector<std::uint16_t> GrpcFrontend::ports() const {
  return parts_->ports();
}

void GrpcFrontend::stop_accepting() {
  parts_->stop_accepting();
}

bool GrpcFrontend::drain(std::chrono::milliseconds limit) {
  return parts_->drain(limit);
}

}  // namespace muster
