// SPDX-License-Identifier: Apache-2.0
#include "backends/tensorrt/engine/trt_types.h"

#include <array>
#include <string>
#include <utility>

namespace muster::tensorrt {
namespace {

constexpr std::array<std::pair<nvinfer1::DataType, DataType>, 8> kTypes = {{
    {nvinfer1::DataType::kFLOAT, DataType::kFp32},
    {nvinfer1::DataType::kHALF, DataType::kFp16},
    {nvinfer1::DataType::kINT8, DataType::kInt8},
    {nvinfer1::DataType::kINT32, DataType::kInt32},
    {nvinfer1::DataType::kBOOL, DataType::kBool},
    {nvinfer1::DataType::kUINT8, DataType::kUint8},
    {nvinfer1::DataType::kBF16, DataType::kBf16},
    {nvinfer1::DataType::kINT64, DataType::kInt64},
}};

}  // namespace

DataType type_of(nvinfer1::DataType type) noexcept {
  for (const auto& [theirs, ours] : kTypes) {
    if (theirs == type) return ours;
  }
  return DataType::kInvalid;
}

std::optional<nvinfer1::DataType> trt_type_of(DataType type) noexcept {
  for (const auto& [theirs, ours] : kTypes) {
    if (ours == type) return theirs;
  }
  return std::nullopt;
}

Result<Shape> shape_of(const nvinfer1::Dims& dims) {
  if (dims.nbDims < 0 || dims.nbDims > nvinfer1::Dims::MAX_DIMS)
    return internal_error("TensorRT gives a shape of " + std::to_string(dims.nbDims) +
                          " dimensions");
  std::array<std::int64_t, nvinfer1::Dims::MAX_DIMS> sizes{};
  for (std::size_t i = 0; i < static_cast<std::size_t>(dims.nbDims); ++i)
    sizes[i] = dims.d[i] < 0 ? kDynamicDim : dims.d[i];
  return Shape(std::span<const std::int64_t>(sizes.data(), static_cast<std::size_t>(dims.nbDims)));
}

Result<nvinfer1::Dims> dims_of(const Shape& shape) {
  if (shape.rank() > static_cast<std::size_t>(nvinfer1::Dims::MAX_DIMS)) {
    return invalid_argument("a shape of " + std::to_string(shape.rank()) +
                            " dimensions; TensorRT has at most " +
                            std::to_string(nvinfer1::Dims::MAX_DIMS));
  }
  nvinfer1::Dims dims{};
  dims.nbDims = static_cast<std::int32_t>(shape.rank());
  for (std::size_t i = 0; i < shape.rank(); ++i)
    dims.d[i] = shape[i];
  return dims;
}

}  // namespace muster::tensorrt
