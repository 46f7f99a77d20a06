// SPDX-License-Identifier: Apache-2.0
// Changes of a network between the parser and the builder.
#pragma once

#include <list>
#include <vector>

#include <NvInfer.h>

#include <muster/backend.h>

namespace muster::tensorrt {

// Weights that a network was given point into this: it lives until the engine is built.
using NetworkConstants = std::list<std::vector<float>>;

// The network's only input, pictures of floating-point numbers, becomes one of the same name and
// shape that takes bytes, and computes (pixel - mean) * (scale / std) of them itself, in FP32.
// kInvalidArgument where it has another input, or one that is no such pictures.
[[nodiscard]] Status scale_pixels(nvinfer1::INetworkDefinition& network, const PixelScaling& pixels,
                                  NetworkConstants& constants);

}  // namespace muster::tensorrt
