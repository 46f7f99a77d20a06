// SPDX-License-Identifier: Apache-2.0
// ScriptedEngine: an engine of FP32 ports on a ScriptedDevice. Output number j holds, element by
// element, j + 1 times the sum of all FP32 inputs on the device; one whose size is found holds the
// positive elements of the first input.
//
// It insists on what TensorRT does: all shapes and memory set after a change of profile,
// activations that are large enough, and graphs whose context was not set to anything else since.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "backends/tensorrt/engine/engine.h"
#include "backends/tensorrt/testing/scripted_device.h"

namespace muster::tensorrt::testing {

struct EngineScript {
  std::vector<EnginePort> ports;
  std::vector<ProfileRange> profiles;
  std::size_t activation_bytes = 4096;
  std::uint64_t weight_bytes = 1000;
  std::string precision = "fp16";
  std::chrono::nanoseconds per_run{0};
  std::chrono::nanoseconds per_row{0};
};

// The input "x" and the output "y", both FP32 [-1,width], in batches of min to max rows.
[[nodiscard]] EngineScript rows_script(std::int64_t max, std::int64_t width = 4,
                                       std::int64_t min = 1);
// One more profile.
void add_profile(EngineScript& script, std::int64_t min, std::int64_t max);

class ScriptedEngine final : public Engine {
 public:
  // `device` outlives it.
  ScriptedEngine(ScriptedDevice& device, EngineScript script)
      : device_(device), script_(std::move(script)) {}

  // The next contexts cannot be made.
  void fail_contexts(bool fail) { fails_ = fail; }
  [[nodiscard]] std::size_t live_contexts() const { return *live_; }
  // That were ever made.
  [[nodiscard]] std::size_t contexts_made() const { return made_; }

  [[nodiscard]] std::span<const EnginePort> ports() const override { return script_.ports; }
  [[nodiscard]] std::span<const ProfileRange> profiles() const override { return script_.profiles; }
  [[nodiscard]] std::size_t activation_bytes(int) const override {
    return script_.activation_bytes;
  }
  [[nodiscard]] std::uint64_t weight_bytes() const override { return script_.weight_bytes; }
  [[nodiscard]] Result<std::unique_ptr<EngineContext>> new_context() const override;
  [[nodiscard]] std::string precision() const override { return script_.precision; }

 private:
  ScriptedDevice& device_;
  const EngineScript script_;
  std::atomic<bool> fails_{false};
  mutable std::atomic<std::size_t> made_{0};
  const std::shared_ptr<std::atomic<std::size_t>> live_ =
      std::make_shared<std::atomic<std::size_t>>(0);
};

}  // namespace muster::tensorrt::testing
