// SPDX-License-Identifier: Apache-2.0
// ProgressMonitor: what TensorRT's builder says of its phases, told to a CompileListener, whose wish
// to stop goes back the other way.
#pragma once

#include <chrono>
#include <string>

#include <NvInfer.h>

#include "backends/tensorrt/build/build_progress.h"
#include "base/mutex.h"

namespace muster::tensorrt {

// Between two words to the listener.
inline constexpr std::chrono::milliseconds kBetweenWords{250};

// Any thread: the builder has several. The listener hears from one at a time.
class ProgressMonitor final : public nvinfer1::IProgressMonitor {
 public:
  // Both outlive it.
  ProgressMonitor(CompileListener& listener, Clock& clock);

  // Before the builder begins, and at once; false: stop.
  bool say(std::string_view phase);
  [[nodiscard]] bool is_stopped() const;

  void phaseStart(const char* name, const char* parent, std::int32_t steps) noexcept override;
  bool stepComplete(const char* name, std::int32_t step) noexcept override;
  void phaseFinish(const char* name) noexcept override;

 private:
  void tell(const CompileProgress& progress) MUSTER_REQUIRES(mutex_);
  void tell_when_due() MUSTER_REQUIRES(mutex_);

  CompileListener& listener_;
  Clock& clock_;
  mutable Mutex mutex_;
  BuildProgress progress_ MUSTER_GUARDED_BY(mutex_);
  Clock::TimePoint told_ MUSTER_GUARDED_BY(mutex_);
  bool stopped_ MUSTER_GUARDED_BY(mutex_) = false;
};

}  // namespace muster::tensorrt
