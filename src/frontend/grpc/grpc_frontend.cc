// SPDX-License-Identifier: Apache-2.0
#include "frontend/grpc/grpc_frontend.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "frontend/grpc/call_environment.h"
#include "frontend/grpc/grpc_calls.h"
#include "frontend/http2/http2_thread.h"
#include "frontend/transport/countdown.h"
#include "frontend/transport/listener.h"

namespace muster {
namespace {

// One transport thread with all that happens on it. Its calls go before its mailbox closes.
class Lane {
 public:
  Lane(const FrontServices& services, OpenCalls& open_calls, std::shared_ptr<MemoryBudget> memory)
      : transport_(services, "muster-grpc"),
        environment_{services, thread_, open_calls, std::move(memory)} {
    transport_.start(calls_);
  }
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;
  ~Lane() {
    transport_.end();
    transport_.close_connections();
  }

  [[nodiscard]] Http2Thread& transport() noexcept { return transport_; }

 private:
  Http2Thread transport_;
  LoopThread thread_{transport_.loop()};
  CallEnvironment environment_;
  GrpcCalls calls_{environment_};
};

Result<std::unique_ptr<Listener>> open_listener(const GrpcListener& wanted) {
  auto listener = Listener::open({.front_end = "gRPC",
                                  .address = wanted.address,
                                  .unix_socket = wanted.unix_socket,
                                  .port = wanted.port,
                                  .tls = wanted.tls,
                                  .protocol = "h2"});
  if (listener.ok()) return listener;
  return Status(listener.status().code(), "gRPC " + std::string(listener.status().message()));
}

}  // namespace

class GrpcFrontend::Parts {
 public:
  explicit Parts(const FrontServices& services)
      : services_(services),
        memory_(std::make_shared<MemoryBudget>(services.limits.max_grpc_bytes)) {}
  Parts(const Parts&) = delete;
  Parts& operator=(const Parts&) = delete;
  // Connections refer to their listeners, and listeners to the first thread.
  ~Parts() {
    for (const auto& lane : lanes_)
      lane->transport().end();
    for (const auto& listener : listeners_)
      listener->stop();
    lanes_.clear();
  }

  Status start(const GrpcOptions& options);
  [[nodiscard]] std::vector<std::uint16_t> ports() const;
  void stop_accepting();
  [[nodiscard]] bool drain(std::chrono::milliseconds limit);

 private:
  const FrontServices& services_;
  const std::shared_ptr<MemoryBudget> memory_;
  OpenCalls open_calls_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::vector<std::unique_ptr<Lane>> lanes_;
};

Status GrpcFrontend::Parts::start(const GrpcOptions& options) {
  if (options.listeners.empty()) return invalid_argument("gRPC has no listener");
  for (const GrpcListener& wanted : options.listeners) {
    MUSTER_ASSIGN_OR_RETURN(auto listener, open_listener(wanted));
    listeners_.push_back(std::move(listener));
  }
  std::vector<Host*> hosts;
  for (std::size_t lane = 0; lane < std::max<std::size_t>(options.threads, 1); ++lane) {
    lanes_.push_back(std::make_unique<Lane>(services_, open_calls_, memory_));
    hosts.push_back(&lanes_.back()->transport());
  }
  for (const auto& listener : listeners_)
    listener->start(hosts, services_.limits.max_connections, services_.metrics.grpc);
  return {};
}

std::vector<std::uint16_t> GrpcFrontend::Parts::ports() const {
  std::vector<std::uint16_t> ports;
  for (const auto& listener : listeners_)
    ports.push_back(listener->port());
  return ports;
}

// Clients can still connect: health tells them, and calls are answered that they should go
// elsewhere.
void GrpcFrontend::Parts::stop_accepting() {
  if (open_calls_.stopping()) return;
  open_calls_.stop();
  for (const auto& lane : lanes_)
    lane->transport().stop_soon();
}

// A call is closed when its connection has its answer, which is not yet its socket.
bool GrpcFrontend::Parts::drain(std::chrono::milliseconds limit) {
  stop_accepting();
  const TimePoint until = add_saturating(services_.clock.now(), limit);
  if (!open_calls_.await_none(services_.clock, until)) return false;
  const auto sent = std::make_shared<Countdown>(lanes_.size());
  for (const auto& lane : lanes_)
    lane->transport().when_sent([sent] { sent->count(); });
  return sent->await(services_.clock, until);
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
