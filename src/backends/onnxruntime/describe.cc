// SPDX-License-Identifier: Apache-2.0
#include "backends/onnxruntime/describe.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "backends/onnxruntime/error.h"
#include "base/text.h"

namespace muster::onnxruntime {
namespace {

constexpr std::pair<ONNXTensorElementDataType, DataType> kTypes[] = {
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL, DataType::kBool},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8, DataType::kUint8},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT16, DataType::kUint16},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT32, DataType::kUint32},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT64, DataType::kUint64},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8, DataType::kInt8},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_INT16, DataType::kInt16},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32, DataType::kInt32},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64, DataType::kInt64},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16, DataType::kFp16},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16, DataType::kBf16},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, DataType::kFp32},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE, DataType::kFp64},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING, DataType::kBytes},
};

// By ONNX's numbers, so that types younger than the headers have a name too.
std::string type_name(ONNXTensorElementDataType type) {
  constexpr std::array<std::string_view, 24> kNames = {
      "UNDEFINED",      "FLOAT",      "UINT8",          "INT8",       "UINT16",   "INT16",
      "INT32",          "INT64",      "STRING",         "BOOL",       "FLOAT16",  "DOUBLE",
      "UINT32",         "UINT64",     "COMPLEX64",      "COMPLEX128", "BFLOAT16", "FLOAT8E4M3FN",
      "FLOAT8E4M3FNUZ", "FLOAT8E5M2", "FLOAT8E5M2FNUZ", "UINT4",      "INT4",     "FLOAT4E2M1"};
  const auto index = static_cast<std::size_t>(type);
  return index < kNames.size() ? std::string(kNames[index]) : "number " + std::to_string(index);
}

std::string_view container_name(ONNXType type) {
  switch (type) {
    case ONNX_TYPE_SEQUENCE:
      return "a sequence";
    case ONNX_TYPE_MAP:
      return "a map";
    case ONNX_TYPE_SPARSETENSOR:
      return "a sparse tensor";
    case ONNX_TYPE_OPTIONAL:
      return "an optional";
    default:
      return "of a kind without a name";
  }
}

Result<TensorSpec> describe_tensor(std::string_view role, std::string name,
                                   const Ort::TypeInfo& type) {
  const auto subject = [&] { return std::string(role) + " '" + printable(name) + "' is "; };
  if (type.GetONNXType() != ONNX_TYPE_TENSOR) {
    return unimplemented(subject() + std::string(container_name(type.GetONNXType())) +
                         "; Muster carries tensors alone, so have the model take it apart");
  }
  const auto tensor = type.GetTensorTypeAndShapeInfo();
  TensorSpec spec;
  spec.type = data_type_of(tensor.GetElementType());
  if (spec.type == DataType::kInvalid) {
    return unimplemented(subject() + "of type " + type_name(tensor.GetElementType()) +
                         ", which Muster does not carry; cast it inside the model, to FP32 say");
  }
  std::vector<std::int64_t> dims = tensor.GetShape();
  for (std::int64_t& dim : dims)
    dim = dim < 0 ? kDynamicDim : dim;
  std::vector<const char*> names(dims.size());
  tensor.GetSymbolicDimensions(names.data(), names.size());
  const bool any_named = std::any_of(names.begin(), names.end(), [](const char* dim_name) {
    return dim_name != nullptr && *dim_name != '\0';
  });
  if (any_named) {
    for (const char* dim_name : names) {
      spec.dim_names.emplace_back(dim_name == nullptr ? "" : dim_name);
    }
  }
  spec.name = std::move(name);
  spec.shape = Shape(dims);
  return spec;
}

}  // namespace

DataType data_type_of(ONNXTensorElementDataType type) noexcept {
  for (const auto& [element, data] : kTypes) {
    if (element == type) return data;
  }
  return DataType::kInvalid;
}

ONNXTensorElementDataType element_type_of(DataType type) noexcept {
  for (const auto& [element, data] : kTypes) {
    if (data == type) return element;
  }
  return ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
}

Result<ModelSignature> describe(const Ort::Session& session) {
  ModelSignature signature;
  Status failure;
  // The TypeInfo is kept while its shape is read: the shape only points into it.
  MUSTER_RETURN_IF_ERROR(guarded([&] {
    const Ort::AllocatorWithDefaultOptions allocator;
    const auto keep = [&](Result<TensorSpec> spec, std::vector<TensorSpec>& list) {
      if (spec.ok()) {
        list.push_back(std::move(spec).value());
      } else if (failure.ok()) {
        failure = std::move(spec).status();
      }
    };
    for (std::size_t i = 0; i < session.GetInputCount(); ++i) {
      const Ort::TypeInfo type = session.GetInputTypeInfo(i);
      keep(describe_tensor("input", session.GetInputNameAllocated(i, allocator).get(), type),
           signature.inputs);
    }
    for (std::size_t i = 0; i < session.GetOutputCount(); ++i) {
      const Ort::TypeInfo type = session.GetOutputTypeInfo(i);
      keep(describe_tensor("output", session.GetOutputNameAllocated(i, allocator).get(), type),
           signature.outputs);
    }
  }));
  MUSTER_RETURN_IF_ERROR(std::move(failure));
  return signature;
}

}  // namespace muster::onnxruntime
