// SPDX-License-Identifier: Apache-2.0
// ScaledPixels: a compiled model that takes bytes of pictures, as the one that it stands in for
// will, and scales them itself before they come to a model of floating-point numbers.
#pragma once

#include <memory>

#include <muster/backend.h>

namespace muster {

// `model` has one input of pictures, FP32, FP16 or BF16 [N,C,H,W] or [N,H,W,C] with one or three
// channels: kInvalidArgument says where it has not, or where `pixels` are of other channels. By
// PixelScaling's formula, computed in FP32.
[[nodiscard]] Result<std::shared_ptr<const CompiledModel>> with_scaled_pixels(
    std::shared_ptr<const CompiledModel> model, const PixelScaling& pixels);

}  // namespace muster
