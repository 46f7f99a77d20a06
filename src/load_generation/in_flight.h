// SPDX-License-Identifier: Apache-2.0
// InFlight: the requests of a load that are not answered yet: since when, and which of them have
// waited for too long.
#pragma once

#include <vector>

#include "base/clock.h"
#include "load_generation/load_measurement.h"
#include "load_generation/request_target.h"

namespace muster {

class InFlight {
 public:
  // A request that is not answered within `timeout` is given up.
  InFlight(RequestTarget& target, Clock::Duration timeout, Clock& clock);

  // Asks. `since`: when its latency begins.
  void ask(int slot, Clock::TimePoint now, Clock::TimePoint since);
  // It was answered: since when its latency counts.
  [[nodiscard]] Clock::TimePoint end(const Answer& answer);
  // Waits for answers, and gives up what is due, at most until then.
  [[nodiscard]] Status wait_until(Clock::TimePoint until, AnswerListener& listener);
  [[nodiscard]] int count() const noexcept { return count_; }

 private:
  struct Request {
    Clock::TimePoint sent = Clock::kForever;  // kForever: none
    Clock::TimePoint since{};
  };
  void give_up(Clock::TimePoint now);

  RequestTarget& target_;
  const Clock::Duration timeout_;
  Clock& clock_;
  std::vector<Request> requests_;  // by slot
  int count_ = 0;
  Clock::TimePoint next_look_;  // for what is due
  std::uint64_t failures_in_a_row_ = 0;
  std::string last_failure_;
};

}  // namespace muster
