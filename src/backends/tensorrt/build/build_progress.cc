// SPDX-License-Identifier: Apache-2.0
#include "backends/tensorrt/build/build_progress.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace muster::tensorrt {
namespace {

// Before that, the pace so far tells nothing.
constexpr double kTellingPart = 0.05;

}  // namespace

BuildProgress::BuildProgress(Clock& clock) : clock_(clock), begun_(clock.now()) {}

void BuildProgress::phase_started(std::string_view name, std::string_view parent, int steps) {
  if (open_.size() >= kMaxOpenPhases) return;
  open_.push_back({std::string(name), std::string(parent), std::max(steps, 1), 0});
}

void BuildProgress::step_done(std::string_view name, int step) {
  Phase* const phase = find(name);
  if (phase == nullptr || step < 0) return;
  phase->done = std::max(phase->done, step < phase->steps ? step + 1 : phase->steps);
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
  if (highest_ >= kTellingPart) {
    const std::chrono::duration<double> elapsed = clock_.now() - begun_;
    progress.left = std::chrono::ceil<std::chrono::seconds>(elapsed * ((1 - highest_) / highest_));
  }
  return progress;
}

}  // namespace muster::tensorrt
