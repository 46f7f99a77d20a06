// SPDX-License-Identifier: Apache-2.0
// PictureTensor: room for pictures in the shape of a model's only input.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <muster/image.h>
#include <muster/model.h>

namespace muster {

// The shape of the only input for `rows` pictures. kFailedPrecondition where the model takes no
// pictures, or not that many at once; the message says why and what to do.
[[nodiscard]] Result<Shape> picture_input_shape(const ModelConfig& config, bool stacked,
                                                std::int64_t rows);

// A file's bytes as the whole input for one picture.
[[nodiscard]] Result<Tensor> picture_tensor(std::span<const std::byte> file,
                                            const ModelConfig& config, bool stacked);

}  // namespace muster
