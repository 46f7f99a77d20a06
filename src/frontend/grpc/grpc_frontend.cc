// SPDX-License-Identifier: Apache-2.0
#include "frontend/grpc/grpc_frontend.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include <grpc/support/time.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <sys/stat.h>

#include "frontend/grpc/call_environment.h"
#include "frontend/grpc/calls/generic_call.h"
#include "frontend/grpc/calls/unary_infer.h"
#include "frontend/grpc/listen_address.h"
#include "frontend/grpc/server_setup.h"
#include "frontend/grpc/services/control_methods.h"
#include "frontend/grpc/services/health.h"
#include "frontend/grpc/services/load_method.h"
#include "frontend/grpc/services/reflection.h"
#include "frontend/grpc/services/stream_infer.h"
#include "frontend/grpc/sweep.h"

namespace muster {
namespace {

std::vector<Method> all_generic_methods() {
  std::vector<Method> methods = {stream_infer_method(), load_method()};
  const auto add = [&methods](const auto& more) {
    methods.insert(methods.end(), more.begin(), more.end());
  };
  add(control_methods());
  add(health_methods());
  add(reflection_methods());
  return methods;
}

// Sockets that are made while it lives are for their owner alone. The mask is the process's: what
// other threads make meanwhile is for its owner alone as well.
class OwnerOnly {
 public:
  OwnerOnly() noexcept : before_(umask(S_IXUSR | S_IRWXG | S_IRWXO)) {}
  OwnerOnly(const OwnerOnly&) = delete;
  OwnerOnly& operator=(const OwnerOnly&) = delete;
  ~OwnerOnly() { umask(before_); }

 private:
  const mode_t before_;
};

// One loop with all that happens on it.
class Lane {
 public:
  Lane(std::unique_ptr<grpc::ServerCompletionQueue> queue, const FrontServices& services,
       OpenCalls& open_calls, bool loopback_only)
      : loop_(std::move(queue)), environment_{services, loop_, open_calls, loopback_only} {}
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;
  ~Lane() = default;

  void start(grpc::Server& server, const InferMethod& infer_method,
             grpc::AsyncGenericService& generic, std::span<const Method> methods) {
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
  void cancel_unread() {
    const FrontServices& services = environment_.services;
    const TimePoint oldest = services.clock.now() - services.limits.send_timeout;
    infers_->cancel_unread(oldest);
    calls_->cancel_unread(oldest);
  }

  CompletionLoop loop_;
  CallEnvironment environment_;
  std::optional<UnaryInfers> infers_;
  std::optional<GenericCalls> calls_;
  // A reply that nobody reads is found between one and one and a half times its limit.
  Sweep sweep_{loop_, environment_.services.limits.send_timeout / 2, [this] { cancel_unread(); }};
  LaneLetter stop_letter_{*this, &Lane::stop_calls};
  LaneLetter end_letter_{*this, &Lane::end_sweep};
};

}  // namespace

class GrpcFrontend::Parts {
 public:
  explicit Parts(const FrontServices& services)
      : services_(services), methods_(all_generic_methods()) {}
  Parts(const Parts&) = delete;
  Parts& operator=(const Parts&) = delete;
  // First nothing comes any more, then the loops see the end of all that is open, then the calls
  // go, the server and the queues.
  ~Parts() {
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
  Status listen(const GrpcOptions& options, grpc::ServerBuilder& builder, std::vector<int>& bound);
  Status name_failure(const GrpcOptions& options, const std::vector<int>& bound) const;

  const FrontServices& services_;
  const std::vector<Method> methods_;
  OpenCalls open_calls_;
  InferMethod infer_method_;
  grpc::AsyncGenericService generic_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::unique_ptr<grpc::Server> server_;
  std::vector<std::uint16_t> ports_;
};

Status GrpcFrontend::Parts::start(const GrpcOptions& options) {
  log_what_grpc_says();
  spare_lock_checks();
  grpc::ServerBuilder builder;
  set_limits(services_.limits, builder);
  std::vector<int> bound(options.listeners.size(), 0);
  MUSTER_RETURN_IF_ERROR(listen(options, builder, bound));
  builder.RegisterService(&infer_method_);
  builder.RegisterAsyncGenericService(&generic_);
  const bool loopback_only = std::all_of(
      options.listeners.begin(), options.listeners.end(),
      [](const auto& listener) { return listener.unix_socket || is_loopback(listener.address); });
  for (std::size_t lane = 0; lane < std::max<std::size_t>(options.threads, 1); ++lane) {
    lanes_.push_back(std::make_unique<Lane>(builder.AddCompletionQueue(), services_, open_calls_,
                                            loopback_only));
  }
  {
    const OwnerOnly mask;
    server_ = builder.BuildAndStart();
  }
  MUSTER_RETURN_IF_ERROR(name_failure(options, bound));
  for (std::size_t index = 0; index < bound.size(); ++index) {
    const bool has_port = !options.listeners[index].unix_socket;
    ports_.push_back(has_port ? static_cast<std::uint16_t>(bound[index]) : std::uint16_t{0});
  }
  for (const auto& lane : lanes_)
    lane->start(*server_, infer_method_, generic_, methods_);
  return {};
}

Status GrpcFrontend::Parts::listen(const GrpcOptions& options, grpc::ServerBuilder& builder,
                                   std::vector<int>& bound) {
  if (options.listeners.empty()) return invalid_argument("gRPC has no listener");
  for (std::size_t index = 0; index < options.listeners.size(); ++index) {
    const GrpcListener& listener = options.listeners[index];
    MUSTER_ASSIGN_OR_RETURN(const std::string address, listen_address(listener));
    MUSTER_ASSIGN_OR_RETURN(auto credentials, credentials_of(listener.tls));
    builder.AddListeningPort(address, std::move(credentials), &bound[index]);
  }
  return {};
}

// gRPC says no more than that it went wrong. Addresses were tried before, so it is most likely TLS.
Status GrpcFrontend::Parts::name_failure(const GrpcOptions& options,
                                         const std::vector<int>& bound) const {
  for (std::size_t index = 0; index < bound.size(); ++index) {
    if (server_ != nullptr && bound[index] != 0) continue;
    const GrpcListener& listener = options.listeners[index];
    if (server_ == nullptr && bound[index] != 0) continue;
    std::string reason =
        listener.tls.enabled()
            ? "check that '" + listener.tls.certificate + "' and '" + listener.tls.key +
                  "' belong together"
            : std::string("gRPC refused it; its reason is in the log at level info");
    return unavailable("cannot listen on " + printed_address(listener) + " for gRPC: " + reason);
  }
  return server_ != nullptr ? Status() : unavailable("gRPC could not start its server");
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
                                                          GrpcOptions options) {
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
