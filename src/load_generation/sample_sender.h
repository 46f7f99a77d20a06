// SPDX-License-Identifier: Apache-2.0
// SampleSender: brings samples that somebody else decides on to a target, each as a request, and
// tells when it was answered.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <vector>

#include "load_generation/free_slots.h"
#include "load_generation/in_flight.h"
#include "load_generation/load_measurement.h"
#include "load_generation/request_target.h"

namespace muster {

class SampleSender final : public AnswerListener {
 public:
  using Sample = std::uintptr_t;
  // Every sample that was added is done once, whatever became of it.
  using Done = std::function<void(Sample)>;

  SampleSender(RequestTarget& target, std::int64_t rows, Clock::Duration timeout, Clock& clock,
               Done done);

  // `since`: when its latency begins.
  void add(Sample sample, Clock::TimePoint since);
  // Sends what waits, and waits for answers, at most that long. After an error every sample is done
  // at once, unanswered, and the error is told again.
  [[nodiscard]] Status turn(Clock::Duration limit);
  // All is done that was added. After an error nothing is waited for, also where it never came.
  [[nodiscard]] bool idle() const noexcept {
    return waiting_.empty() && (!failure_.ok() || in_flight_.count() == 0);
  }
  [[nodiscard]] LoadMeasurement& measured() noexcept { return measured_; }

  void answered(const Answer& answer) override;

 private:
  struct Waiting {
    Sample sample;
    Clock::TimePoint since;
  };
  void send();
  void give_up();

  Clock& clock_;
  InFlight in_flight_;
  const Done done_;
  FreeSlots free_;
  std::vector<std::optional<Sample>> samples_;  // by slot
  std::deque<Waiting> waiting_;
  LoadMeasurement measured_;
  Status failure_;
};

}  // namespace muster
