// SPDX-License-Identifier: Apache-2.0
// EventLoop: what a transport thread waits for: its sockets, its bell, and its tick.
//
// epoll, by edges: a source is told once that something came, and has to take what is there or to
// remember it. Nothing is asked of the system for a source that has nothing to do.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <sys/epoll.h>

#include "base/descriptor.h"

namespace muster {

class EventSource {
 public:
  // `events`: what epoll says (EPOLLIN, ...); 0 where the source was deferred.
  virtual void ready(std::uint32_t events) noexcept = 0;

 protected:
  ~EventSource() = default;
};

// One thread alone. Throws std::system_error where the system has no more files or memory.
class EventLoop {
 public:
  // Of one look.
  static constexpr std::size_t kMaxEvents = 128;

  EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;
  ~EventLoop() = default;

  // From here on `source` is told of `events`, of those that are there already too, until it is
  // forgotten.
  void watch(int descriptor, std::uint32_t events, EventSource& source);
  // Of others, from here on.
  void change(int descriptor, std::uint32_t events, EventSource& source);
  // Also what has been seen already and not been told. The descriptor is still open.
  void forget(int descriptor, EventSource& source) noexcept;
  // ready(0) by the next `tell`; until then nothing sleeps.
  void defer(EventSource& source) { deferred_.push_back(&source); }
  [[nodiscard]] bool has_deferred() const noexcept { return !deferred_.empty(); }

  // Looks what has come; `sleep` waits until something has. Whoever looked tells before the next.
  void look() noexcept { look(0); }
  void sleep() noexcept { look(deferred_.empty() ? -1 : 0); }
  // Tells the sources; how many were told.
  std::size_t tell() noexcept;

 private:
  void look(int timeout) noexcept;
  void control(int operation, int descriptor, std::uint32_t events, EventSource& source);

  Descriptor epoll_;
  std::array<epoll_event, kMaxEvents> events_{};
  std::size_t count_ = 0;  // of those
  std::vector<EventSource*> deferred_;
  std::vector<EventSource*> due_;  // were deferred, and are being told
};

// Rings once after a while; an edge of its descriptor.
class Alarm {
 public:
  Alarm();
  [[nodiscard]] int descriptor() const noexcept { return timer_.get(); }
  // Instead of when it was to ring before.
  void set(std::chrono::milliseconds after) noexcept;

 private:
  Descriptor timer_;
};

}  // namespace muster
