// SPDX-License-Identifier: Apache-2.0
#include "backends/tensorrt/build/progress_monitor.h"

#include <exception>

namespace muster::tensorrt {
namespace {

std::string_view text_of(const char* text) {
  return text == nullptr ? std::string_view() : text;
}

}  // namespace

ProgressMonitor::ProgressMonitor(CompileListener& listener, Clock& clock)
    : listener_(listener), clock_(clock), progress_(clock), told_(clock.now()) {}

bool ProgressMonitor::say(std::string_view phase) {
  const MutexLock lock(mutex_);
  CompileProgress progress = progress_.now();
  progress.phase = std::string(phase);
  tell(progress);
  return !stopped_;
}

bool ProgressMonitor::is_stopped() const {
  const MutexLock lock(mutex_);
  return stopped_;
}

// A listener that once said stop is not asked again.
void ProgressMonitor::tell(const CompileProgress& progress) {
  told_ = clock_.now();
  if (!stopped_) stopped_ = !listener_.on_progress(progress);
}

void ProgressMonitor::tell_when_due() {
  if (clock_.now() - told_ >= kBetweenWords) tell(progress_.now());
}

// None of the three may throw: where memory is out, the builder itself comes to its end.
void ProgressMonitor::phaseStart(const char* name, const char* parent,
                                 std::int32_t steps) noexcept {
  const MutexLock lock(mutex_);
  try {
    progress_.phase_started(text_of(name), text_of(parent), steps);
    tell_when_due();
  } catch (const std::exception&) {
    stopped_ = true;
  }
}

bool ProgressMonitor::stepComplete(const char* name, std::int32_t step) noexcept {
  const MutexLock lock(mutex_);
  try {
    progress_.step_done(text_of(name), step);
    tell_when_due();
  } catch (const std::exception&) {
    stopped_ = true;
  }
  return !stopped_;
}

void ProgressMonitor::phaseFinish(const char* name) noexcept {
  const MutexLock lock(mutex_);
  progress_.phase_ended(text_of(name));
}

}  // namespace muster::tensorrt
