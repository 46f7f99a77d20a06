// SPDX-License-Identifier: Apache-2.0
// CallThread: what a call wants of the transport thread that it is on.
#pragma once

#include <memory>

#include "base/clock.h"
#include "frontend/transport/mailbox.h"
#include "frontend/transport/transport_loop.h"
#include "inference/burst.h"

namespace muster {

// That thread's alone.
class CallThread {
 public:
  using Departure = TransportLoop::Departure;

  // `departure` leaves at the end of this round, once. It stays until then, unless the thread ends.
  virtual void depart_with_round(Departure& departure) = 0;
  // Of the requests that are handed in by this round's departures.
  [[nodiscard]] virtual Burst& burst() = 0;
  // Outlives the thread where letters are still to come.
  [[nodiscard]] virtual const std::shared_ptr<Mailbox>& mailbox() const = 0;
  // See TransportLoop.
  [[nodiscard]] virtual TimePoint now() = 0;
  [[nodiscard]] virtual TimePoint came_after() = 0;

 protected:
  ~CallThread() = default;
};

// The one there is outside of tests.
class LoopThread final : public CallThread {
 public:
  explicit LoopThread(TransportLoop& loop) noexcept : loop_(loop) {}

  void depart_with_round(Departure& departure) override { loop_.depart_with_round(departure); }
  [[nodiscard]] Burst& burst() override { return loop_.burst(); }
  [[nodiscard]] const std::shared_ptr<Mailbox>& mailbox() const override { return loop_.mailbox(); }
  [[nodiscard]] TimePoint now() override { return loop_.now(); }
  [[nodiscard]] TimePoint came_after() override { return loop_.came_after(); }

 private:
  TransportLoop& loop_;
};

}  // namespace muster
