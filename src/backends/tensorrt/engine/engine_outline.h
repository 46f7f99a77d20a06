// SPDX-License-Identifier: Apache-2.0
// What an engine of TensorRT's says of itself: its ports and its profiles.
#pragma once

#include <vector>

#include <NvInferRuntime.h>

#include "backends/tensorrt/engine/engine.h"

namespace muster::tensorrt {

struct EngineOutline {
  std::vector<EnginePort> ports;  // inputs first, each in the engine's order
  std::vector<ProfileRange> profiles;
};

// kInvalidArgument where a tensor has a type that there is none for here, by the tensor's name.
// Makes a context for a moment, to see which outputs have shapes that follow from the inputs'.
[[nodiscard]] Result<EngineOutline> outline_engine(nvinfer1::ICudaEngine& engine, Device& device);

}  // namespace muster::tensorrt
