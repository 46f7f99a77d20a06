// SPDX-License-Identifier: Apache-2.0
// The outputs of a response as the client wants them. The one place for both transports.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <muster/inference.h>

#include "protocol/infer_call.h"

namespace muster {

// What the client said of the output at `index` of the response; null: nothing.
[[nodiscard]] const OutputWish* wish_of(const ReplyWishes& wishes, std::string_view name,
                                        std::size_t index) noexcept;

// The `count` highest elements of each row as BYTES "value:index[:label]", highest first, the lower
// index before the higher where they are equal, NaN last. Floats have six decimals. The shape is
// [rows, count] where the model has a batch axis, else [count]; no more than there are elements.
// kInvalidArgument for BYTES, BOOL, FP16 and BF16.
[[nodiscard]] Result<Tensor> top_classes(const InferOutput& output, std::int64_t count,
                                         const ModelDescription* model);

// Writes the elements to where the client wants them. kInvalidArgument where they do not fit.
[[nodiscard]] Status write_to_region(const OutputWish& wish, const TensorView& tensor);

// As the protocol writes it: "" where the model has no versions.
[[nodiscard]] std::string version_text(std::int64_t version);

}  // namespace muster
