// SPDX-License-Identifier: Apache-2.0
// TransportThread: a loop, and the connections that live on it.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "frontend/front_services.h"
#include "frontend/http/connection.h"
#include "frontend/http/endpoints/endpoint.h"
#include "frontend/transport/listener.h"
#include "frontend/transport/transport_loop.h"

namespace muster {

class TransportThread final : public Host,
                              private TransportLoop::User,
                              private TransportLoop::Departure {
 public:
  // Runs from here on. `services` outlives it.
  explicit TransportThread(const FrontServices& services);
  TransportThread(const TransportThread&) = delete;
  TransportThread& operator=(const TransportThread&) = delete;
  // Closes its connections; answers that are still to come are thrown away.
  ~TransportThread();
  // Any other thread: returns when this one has ended. What is posted is still run, at the latest
  // by the destructor, on its thread.
  void end() noexcept { loop_.end(); }

  // Any thread: `quiet` is called on this one when no call is open, once.
  void when_quiet(std::function<void()> quiet);

  // On this thread alone, from here on.
  [[nodiscard]] TransportLoop& loop() noexcept override { return loop_; }
  void admit(ListenerFacts& listener, Descriptor accepted) override;
  // No connection reads requests that are not here yet, nor any that begins later.
  void finish_soon();
  [[nodiscard]] bool is_finishing() const noexcept { return finishing_; }
  [[nodiscard]] bool is_ending() const noexcept { return loop_.is_ending(); }

  // For connections.
  void link(Connection& connection);
  void unlink(Connection& connection) noexcept;
  // See TransportLoop.
  [[nodiscard]] TimePoint now() const noexcept { return loop_.now(); }
  [[nodiscard]] TimePoint came_after() const noexcept { return loop_.came_after(); }
  [[nodiscard]] const FrontServices& services() const noexcept { return context_.services; }
  [[nodiscard]] const EndpointContext& context() const noexcept { return context_; }
  [[nodiscard]] TransportMetrics& metrics() const noexcept {
    return context_.services.metrics.http;
  }
  [[nodiscard]] const ReaderLimits& reader_limits() const noexcept { return reader_limits_; }
  [[nodiscard]] Call& take_call();
  void release(Call& call) noexcept;
  // Hands the call in at the end of the round.
  void prepare(Call& call);
  // Bytes that nobody reads are received into this.
  [[nodiscard]] std::span<std::byte> scratch() noexcept { return scratch_; }

 private:
  void depart() override;
  void end_round() override;
  void tick(TimePoint now) override;
  [[nodiscard]] bool needs_ticks() const noexcept override { return connections_ != nullptr; }
  [[nodiscard]] std::size_t source_count() const noexcept override { return connection_count_; }
  void hand_in(Call& call);
  void close_connections() noexcept;

  TransportLoop loop_;
  const EndpointContext context_;
  const ReaderLimits reader_limits_;
  bool finishing_ = false;
  Connection* connections_ = nullptr;
  std::size_t connection_count_ = 0;
  std::vector<Call*> prepared_;
  std::vector<Call*> handing_in_;
  std::vector<std::unique_ptr<Call>> spare_calls_;
  std::size_t open_calls_ = 0;
  std::vector<std::function<void()>> waiting_for_quiet_;
  std::vector<std::byte> scratch_;
};

}  // namespace muster
