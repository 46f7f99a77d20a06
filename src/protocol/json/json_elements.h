// SPDX-License-Identifier: Apache-2.0
// The elements of a tensor as JSON: an array, flat or nested, read straight into the tensor's bytes
// and written from them.
#pragma once

#include <cstddef>
#include <string>

#include <muster/tensor.h>

#include "protocol/json/json_reader.h"

namespace muster {

// Reads the array that stands next. Every element is checked against the type: whole numbers for
// the integers, within their range; numbers, NaN, Infinity and -Infinity for FP32 and FP64, what is
// too large is an error; true and false for BOOL; strings for BYTES. FP16 and BF16 have no JSON.
// Only the number of elements must be the shape's, however they are nested. `count` is
// element_count(shape); memory is bounded by the text, not by it.
[[nodiscard]] Result<Tensor> read_json_elements(JsonReader& json, DataType type, Shape shape,
                                                std::size_t count);

// Appends a flat array. kInvalidArgument for FP16 and BF16, and for BYTES that are not UTF-8: JSON
// cannot carry them unchanged.
[[nodiscard]] Status append_json_elements(std::string& out, const TensorView& tensor);

}  // namespace muster
