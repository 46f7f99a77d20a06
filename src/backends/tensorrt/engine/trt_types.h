// SPDX-License-Identifier: Apache-2.0
// Element types and shapes, ours and TensorRT's.
#pragma once

#include <optional>

#include <NvInferRuntime.h>

#include <muster/tensor.h>

namespace muster::tensorrt {

// kInvalid for what has no type here (FP8, INT4).
[[nodiscard]] DataType type_of(nvinfer1::DataType type) noexcept;
// Nothing for what TensorRT has no type for (BYTES, FP64, unsigned ones but UINT8).
[[nodiscard]] std::optional<nvinfer1::DataType> trt_type_of(DataType type) noexcept;

// kDynamicDim where it is open. A shape of unknown rank is an error.
[[nodiscard]] Result<Shape> shape_of(const nvinfer1::Dims& dims);
// An error where there are more dimensions than TensorRT has.
[[nodiscard]] Result<nvinfer1::Dims> dims_of(const Shape& shape);

}  // namespace muster::tensorrt
