// SPDX-License-Identifier: Apache-2.0
// TrtRuntime: TensorRT's runtime, its log, and the engines that it reads.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "backends/tensorrt/device/device.h"
#include "backends/tensorrt/engine/engine.h"

namespace muster::tensorrt {

class TrtRuntime {
 public:
  // `device` is there: TensorRT ends the process where CUDA does not start. It outlives the
  // runtime.
  static Result<std::shared_ptr<TrtRuntime>> create(Device& device);
  virtual ~TrtRuntime() = default;

  // kFailedPrecondition where the plan is for another version or GPU, in words that say so and to
  // build it here; kInvalidArgument where it is none. The engine keeps the runtime.
  [[nodiscard]] virtual Result<std::shared_ptr<const Engine>> read(std::string_view plan) = 0;
};

// "10.6.0.26", of the library that is loaded. May be called without a GPU.
[[nodiscard]] std::string tensorrt_version();

}  // namespace muster::tensorrt
