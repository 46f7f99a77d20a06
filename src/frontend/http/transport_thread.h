// SPDX-License-Identifier: Apache-2.0
// TransportThread: one thread that moves bytes, and the connections that live on it.
//
// It works in rounds: what the sockets have is read and decoded, then all requests of the round are
// handed in together, so that a burst wakes a worker once; answers that came home meanwhile are
// encoded and written. Nothing on it waits for anything but its sockets.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "frontend/front_services.h"
#include "frontend/http/connection.h"
#include "frontend/http/endpoints/endpoint.h"
#include "frontend/transport/event_loop.h"
#include "frontend/transport/mailbox.h"
#include "inference/burst.h"

namespace muster {

class TransportThread final : private EventSource {
 public:
  // Runs from here on. `services` outlives it.
  explicit TransportThread(const FrontServices& services);
  TransportThread(const TransportThread&) = delete;
  TransportThread& operator=(const TransportThread&) = delete;
  // Closes its connections; answers that are still to come are thrown away.
  ~TransportThread();
  // Any other thread: returns when this one has ended. What is posted is still run, at the latest
  // by the destructor, on its thread.
  void end() noexcept;

  // Any thread: runs `task` on this one, soon.
  void post(std::function<void()> task);
  // Any thread: `quiet` is called on this one when no call is open, once.
  void when_quiet(std::function<void()> quiet);

  // On this thread alone, from here on.
  [[nodiscard]] EventLoop& loop() noexcept { return loop_; }
  // Runs `task` about a tenth of a second from now.
  void post_at_tick(std::function<void()> task);
  // No connection reads requests that are not here yet, nor any that begins later.
  void finish_soon();
  [[nodiscard]] bool is_finishing() const noexcept { return finishing_; }
  [[nodiscard]] bool is_ending() const noexcept { return ending_.load(std::memory_order_relaxed); }

  // For connections.
  void link(Connection& connection);
  void unlink(Connection& connection) noexcept;
  [[nodiscard]] TimePoint now();  // when this round began
  [[nodiscard]] const FrontServices& services() const noexcept { return context_.services; }
  [[nodiscard]] const EndpointContext& context() const noexcept { return context_; }
  [[nodiscard]] TransportMetrics& metrics() const noexcept {
    return context_.services.metrics.http;
  }
  [[nodiscard]] const ReaderLimits& reader_limits() const noexcept { return reader_limits_; }
  [[nodiscard]] Call& take_call();
  void release(Call& call) noexcept;
  // Hands the call in at the end of the round.
  void prepare(Call& call) { prepared_.push_back(&call); }
  // Bytes that nobody reads are received into this.
  [[nodiscard]] std::span<std::byte> scratch() noexcept { return scratch_; }

 private:
  void run() noexcept;
  // The bell: what it rang for is looked for in every round.
  void ready(std::uint32_t events) noexcept override { static_cast<void>(events); }
  void run_round();
  void take_events();
  void run_tasks();
  void end_round();
  void deliver_answers();
  void hand_in_prepared();
  void hand_in(Call& call);
  void tick();
  void schedule_tick() noexcept;
  void close_connections() noexcept;

  const std::shared_ptr<Mailbox> mailbox_;
  Burst burst_;
  const EndpointContext context_;
  const ReaderLimits reader_limits_;
  EventLoop loop_;
  struct Tick final : EventSource {
    explicit Tick(TransportThread& owner) noexcept : thread(owner) {}
    void ready(std::uint32_t events) noexcept override;
    TransportThread& thread;
    Alarm alarm;
  } tick_{*this};
  bool ticking_ = false;
  std::vector<std::function<void()>> at_tick_;
  Mutex tasks_mutex_;
  std::vector<std::function<void()>> tasks_ MUSTER_GUARDED_BY(tasks_mutex_);
  std::atomic<bool> has_tasks_{false};
  std::atomic<bool> ending_{false};
  bool finishing_ = false;
  bool now_is_known_ = false;
  TimePoint now_{};
  Connection* connections_ = nullptr;
  std::size_t connection_count_ = 0;
  std::vector<Call*> prepared_;
  std::vector<Call*> handing_in_;
  std::vector<std::unique_ptr<Call>> spare_calls_;
  std::size_t open_calls_ = 0;
  std::vector<std::function<void()>> waiting_for_quiet_;
  std::vector<std::byte> scratch_;
  std::thread thread_;  // last: it uses the others
};

}  // namespace muster
