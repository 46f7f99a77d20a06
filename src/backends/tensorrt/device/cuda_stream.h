// SPDX-License-Identifier: Apache-2.0
// A stream as CUDA's own type.
#pragma once

#include <cuda_runtime_api.h>

#include "backends/tensorrt/device/device.h"

namespace muster::tensorrt {

[[nodiscard]] inline cudaStream_t cuda_stream(const Stream& stream) noexcept {
  return static_cast<cudaStream_t>(stream.get());
}

}  // namespace muster::tensorrt
