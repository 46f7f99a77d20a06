// SPDX-License-Identifier: Apache-2.0
#include "backends/tensorrt/build/build_progress.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace muster::tensorrt {
namespace {

// Before that, the pace so far tells nothing.
constexpr double kTellingPart = 0.05;
// Nor does it where one step takes more of the time so far: TensorRT is at the last but two of its
// steps after seconds, and measures kernels there for minutes.
constexpr double kLargestStep = 0.25;

}  // namespace

BuildProgress::BuildProgress(Clock& clock)
    : clock_(clock), begun_(clock.now()), last_step_(begun_) {}

void BuildProgress::phase_started(std::string_view name, std::string_view parent, int steps) {
  if (open_.size() >= kMaxOpenPhases) return;
  open_.push_back({std::string(name), std::string(parent), std::max(steps, 1), 0});
}

void BuildProgress::step_done(std::string_view name, int step) {
  Phase* const phase = find(name);
  if (phase == nullptr || step < 0) return;
  const int before =
      std::exchange(phase->done, std::max(phase->done, step < phase->steps ? step + 1 : phase->steps));
  if (phase == open_.data() && phase->done > before) {
    const Clock::TimePoint last = std::exchange(last_step_, clock_.now());
    longest_step_ = std::max(longest_step_, (last_step_ - last) / (phase->done - before));
  }
  highest_ = std::max(highest_, done_of_outermost());
}

void BuildProgress::phase_ended(std::string_view name) {
  Phase* const phase = find(name);
  if (phase != nullptr) open_.erase(open_.begin() + (phase - open_.data()));
}

// The innermost of that name.
BuildProgress::Phase* BuildProgress::find(std::string_view name) {
  for (std::size_t i = open_.size(); i > 0; --i) {
    if (open_[i - 1].name == name) return &open_[i - 1];
  }
  return nullptr;
}

// A phase begins after its parent, so that from the end on every child is known before its parent.
double BuildProgress::done_of_outermost() const {
  std::vector<double> inner(open_.size(), 0);
  double outermost = 0;
  for (std::size_t i = open_.size(); i-- > 0;) {
    const Phase& phase = open_[i];
    const double done = std::min(1.0, (phase.done + inner[i]) / phase.steps);
    std::size_t parent = i;
    while (parent > 0 && open_[parent - 1].name != phase.parent)
      --parent;
    if (parent > 0) inner[parent - 1] += done;
    outermost = done;
  }
  return outermost;
}

CompileProgress BuildProgress::now() const {
  CompileProgress progress;
  if (!open_.empty()) progress.phase = open_.back().name;
  progress.done = highest_;
  const Clock::TimePoint now = clock_.now();
  const std::chrono::duration<double> elapsed = now - begun_;
  const std::chrono::duration<double> longest = std::max(longest_step_, now - last_step_);
  if (highest_ >= kTellingPart && longest <= elapsed * kLargestStep) {
    progress.left = std::chrono::ceil<std::chrono::seconds>(elapsed * ((1 - highest_) / highest_));
  }
  return progress;
}

}  // namespace muster::tensorrt
