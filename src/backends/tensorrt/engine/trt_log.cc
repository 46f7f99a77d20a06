// SPDX-License-Identifier: Apache-2.0
#include "backends/tensorrt/engine/trt_log.h"

#include <exception>
#include <utility>

#include "base/log.h"
#include "base/mutex.h"
#include "base/text.h"

namespace muster::tensorrt {
namespace {

constexpr std::size_t kMaxErrorBytes = 1000;

thread_local std::string error_of_thread;

// Its informational lines are for whoever looks into TensorRT itself.
LogLevel level_of(nvinfer1::ILogger::Severity severity) {
  switch (severity) {
    case nvinfer1::ILogger::Severity::kINTERNAL_ERROR:
    case nvinfer1::ILogger::Severity::kERROR:
      return LogLevel::kError;
    case nvinfer1::ILogger::Severity::kWARNING:
      return LogLevel::kWarning;
    default:
      return LogLevel::kDebug;
  }
}

class Log final : public nvinfer1::ILogger {
 public:
  void log(Severity severity, const char* message) noexcept override {
    const LogLevel level = level_of(severity);
    if (message == nullptr || (level != LogLevel::kError && !logs(level))) return;
    try {
      const std::string text = printable(message, kMaxErrorBytes);
      if (level == LogLevel::kError) note(text);
      muster::log(level, "tensorrt: " + text);
    } catch (const std::exception&) {
      // No memory for a line.
    }
  }

  std::string take() {
    const MutexLock lock(mutex_);
    std::string told = std::exchange(error_, {});
    if (!error_of_thread.empty()) told = std::exchange(error_of_thread, {});
    return told;
  }

 private:
  void note(const std::string& text) {
    if (error_of_thread.empty()) error_of_thread = text;
    const MutexLock lock(mutex_);
    if (error_.empty()) error_ = text;
  }

  Mutex mutex_;
  std::string error_ MUSTER_GUARDED_BY(mutex_);
};

Log& the_log() {
  static auto* const log = new Log;
  return *log;
}

}  // namespace

nvinfer1::ILogger& trt_log() {
  return the_log();
}

std::string take_trt_error() {
  return the_log().take();
}

}  // namespace muster::tensorrt
