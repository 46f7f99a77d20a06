// SPDX-License-Identifier: Apache-2.0
// LoadMeasurement: what came of a load of a server.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "client/wire.h"
#include "measuring/latency_histogram.h"
#include "measuring/usage_meter.h"

namespace muster {

struct LoadMeasurement {
  std::int64_t rows = 1;  // of a request
  // Of requests that were answered: in a closed loop from the moment when they were sent, in an
  // open one from the moment when they were meant to be.
  LatencyHistogram latency;
  std::uint64_t refused = 0;
  std::uint64_t failed = 0;    // errors, and what was not answered in time
  std::uint64_t late = 0;      // of those answered, later than OpenLoop::deadline
  std::string first_failure;   // what was said of the first that was refused or failed; "" = none
  Clock::Duration elapsed{0};  // of the measuring
  Clock::Duration client_cpu{0};
  Clock::Duration client_wait{0};  // that the client was ready to run and got no processor

  Clock::Duration server_cpu{0};
  std::uint64_t server_switches = 0;  // its threads' context switches
  std::uint64_t server_resident_bytes = 0;

  // Of an open loop.
  std::uint64_t waited = 0;  // requests that found every slot in flight
  // How much later a request was sent than it was meant to be and a slot was free: the client's own
  // doing.
  LatencyHistogram delay;

  [[nodiscard]] std::uint64_t answered() const noexcept { return latency.count(); }
  [[nodiscard]] std::uint64_t requests() const noexcept { return answered() + refused + failed; }
  // 0 where nothing can be told.
  [[nodiscard]] double items_per_second() const noexcept;
  [[nodiscard]] double client_cpu_us_per_item() const noexcept;  // of all requests
  [[nodiscard]] double server_cpu_us_per_item() const noexcept;  // likewise
  [[nodiscard]] double client_cpu_share() const noexcept;        // of one processor

  // Counts it. `latency`: of what was answered.
  void record(const Answer& answer, Clock::Duration took);

 private:
  [[nodiscard]] double us_per_item(Clock::Duration spent) const noexcept;
};

// Whose time is read while a load is measured.
struct LoadMeters {
  UsageMeter& client;            // the process that makes the load
  UsageMeter* server = nullptr;  // null: not known
};

// What was used over a part of a load.
class LoadUsage {
 public:
  explicit LoadUsage(const LoadMeters& meters);
  void put_into(LoadMeasurement& measured) const;

 private:
  struct Reading {
    std::chrono::nanoseconds client_cpu{0};
    std::chrono::nanoseconds client_wait{0};
    std::chrono::nanoseconds server_cpu{0};
    std::uint64_t server_switches = 0;
  };
  [[nodiscard]] Reading read() const;

  const LoadMeters meters_;
  const Reading start_;
};

// Hears of answers besides the measurement: to compare them with what is right.
class AnswerCheck {
 public:
  virtual ~AnswerCheck() = default;
  virtual void check(const Answer& answer) = 0;
};

// A load ends where so many requests in a row fail: the server has gone.
inline constexpr std::uint64_t kMostFailuresInARow = 1000;

}  // namespace muster
