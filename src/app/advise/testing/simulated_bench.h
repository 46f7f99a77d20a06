// SPDX-License-Identifier: Apache-2.0
// SimulatedBench: a machine whose speeds a test says; measuring takes as long as it would.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "app/advise/advise_plan.h"
#include "base/testing/fake_clock.h"

namespace muster {

class SimulatedBench final : public CandidateBench {
 public:
  explicit SimulatedBench(FakeClock& clock) : clock_(clock) {}

  Result<std::vector<std::int64_t>> open(const Setup& setup) override {
    clock_.advance(load_time);
    const auto broken = broken_backends.find(setup.backend);
    if (broken != broken_backends.end()) return failed_precondition(broken->second);
    open_.insert(setup);
    most_open = std::max(most_open, open_.size());
    return sizes;
  }
  void close(const Setup& setup) override { open_.erase(setup); }

  Result<Reading> measure(const Candidate& candidate, int instances,
                          Clock::Duration length) override {
    if (!open_.contains(candidate.setup)) return internal_error("it is not open");
    const int number = taken[candidate]++;
    if (fails && fails(candidate, number)) return unavailable("the device is gone");
    const double run_ms = run_time_ms(candidate) * mood(number);
    const auto least = std::chrono::duration_cast<Clock::Duration>(
        std::chrono::duration<double, std::milli>(4 * run_ms));
    clock_.advance(std::max(length, least));
    Reading reading;
    reading.figures.items_per_second =
        1000.0 * instances * static_cast<double>(candidate.batch_size) / run_ms;
    reading.figures.p50_ms = run_ms;
    reading.figures.p99_ms = run_ms * 1.1;
    reading.figures.cpu_us_per_item =
        1000 * run_ms * candidate.setup.threads / static_cast<double>(candidate.batch_size);
    reading.memory_mib = 10 * candidate.setup.instances;
    return reading;
  }

  [[nodiscard]] const std::string& single_rows() const noexcept override { return one_by_one; }

  // A second thread makes a run half as long again shorter; a batch costs 1 ms and 0.1 ms a row.
  std::function<double(const Candidate&)> run_time_ms = [](const Candidate& candidate) {
    return (1 + 0.1 * static_cast<double>(candidate.batch_size)) *
           (candidate.setup.backend == "openvino" ? 1.3 : 1.0) /
           (1 + 0.5 * (candidate.setup.threads - 1));
  };
  // What the machine does to the so manieth measurement of a candidate.
  std::function<double(int)> mood = [](int) { return 1.0; };
  std::function<bool(const Candidate&, int)> fails;
  std::map<std::string, std::string> broken_backends;
  std::string one_by_one;  // as single_rows()
  std::vector<std::int64_t> sizes = {1, 2, 4, 8, 16, 32, 64};
  Clock::Duration load_time = std::chrono::milliseconds(100);
  std::map<Candidate, int> taken;
  std::size_t most_open = 0;

  [[nodiscard]] bool all_are_closed() const { return open_.empty(); }

 private:
  FakeClock& clock_;
  std::set<Setup> open_;
};

}  // namespace muster
