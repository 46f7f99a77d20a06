// SPDX-License-Identifier: Apache-2.0
// A front end over fake services, and a real client of it.
#pragma once

#include <chrono>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "frontend/grpc/grpc_frontend.h"
#include "frontend/grpc/testing/echo_request.h"
#include "frontend/testing/fake_services.h"
#include "open_inference.grpc.pb.h"

namespace muster::testing {

using Oip = oip::GRPCInferenceService;

// A client of gRPC's whose thread waits for something else looks after its sockets every five
// seconds only. It reads this before the first channel is made.
inline const bool kClientsLookOften =
    ::setenv("GRPC_CLIENT_CHANNEL_BACKUP_POLL_INTERVAL_MS", "20", 1) == 0;

class GrpcServer {
 public:
  explicit GrpcServer(Clock& clock = steady_clock(), bool shared_memory = false,
                      RegionOpener opener = {})
      : fakes(clock, shared_memory, std::move(opener)) {}
  ~GrpcServer() { stop(); }
  GrpcServer(const GrpcServer&) = delete;
  GrpcServer& operator=(const GrpcServer&) = delete;

  // Adjust these before `start`.
  FakeServices fakes;
  GrpcOptions options{.listeners = {GrpcListener{}}};
  ModelControl* models = nullptr;  // null = the fake

  void start() {
    FrontServices made = fakes.services();
    services_ = std::make_unique<FrontServices>(
        FrontServices{made.inference, models != nullptr ? *models : made.models, made.pictures,
                      made.regions, made.settings, made.access, made.access_log, made.metrics,
                      made.exposition, made.identity, made.limits, made.clock});
    auto started = GrpcFrontend::start(*services_, options);
    ASSERT_TRUE(started.ok()) << started.status().to_string();
    frontend_ = std::move(started).value();
  }
  void stop() { frontend_.reset(); }
  [[nodiscard]] GrpcFrontend& frontend() { return *frontend_; }

  [[nodiscard]] std::string address(std::size_t listener = 0) const {
    const GrpcListener& its = options.listeners[listener];
    if (its.unix_socket) return "unix:" + its.address;
    return its.address + ":" + std::to_string(frontend_->ports()[listener]);
  }
  // A channel of its own: connections are not shared between channels.
  [[nodiscard]] std::shared_ptr<grpc::Channel> channel(
      std::size_t listener = 0, const std::shared_ptr<grpc::ChannelCredentials>& credentials =
                                    grpc::InsecureChannelCredentials()) const {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    arguments.SetMaxReceiveMessageSize(-1);
    return grpc::CreateCustomChannel(address(listener), credentials, arguments);
  }
  [[nodiscard]] std::unique_ptr<Oip::Stub> stub(std::size_t listener = 0) const {
    return Oip::NewStub(channel(listener));
  }

 private:
  std::unique_ptr<FrontServices> services_;
  std::unique_ptr<GrpcFrontend> frontend_;
};

}  // namespace muster::testing
