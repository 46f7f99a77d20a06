// SPDX-License-Identifier: Apache-2.0
// BuildProgress: the builder's phases and steps as one number that only grows, and what is left of
// the time. Pure but for the clock; one thread at a time.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <muster/backend.h>

#include "base/clock.h"

namespace muster::tensorrt {

// More phases within phases, or at once, are not told apart.
inline constexpr std::size_t kMaxOpenPhases = 64;

class BuildProgress {
 public:
  explicit BuildProgress(Clock& clock);

  void phase_started(std::string_view name, std::string_view parent, int steps);
  void step_done(std::string_view name, int step);
  void phase_ended(std::string_view name);

  // What is done of the outermost phase, each inner one counting for one step of its parent. `left`
  // once a twentieth is done, by the pace so far, where its steps take about the same time: none of
  // them, that which is under way included, more than a quarter of all so far.
  [[nodiscard]] CompileProgress now() const;

 private:
  struct Phase {
    std::string name;
    std::string parent;
    int steps = 1;
    int done = 0;
  };
  [[nodiscard]] Phase* find(std::string_view name);
  [[nodiscard]] double done_of_outermost() const;

  Clock& clock_;
  const Clock::TimePoint begun_;
  std::vector<Phase> open_;
  double highest_ = 0;
  // Of the outermost phase.
  Clock::TimePoint last_step_;
  Clock::Duration longest_step_{0};
};

}  // namespace muster::tensorrt
