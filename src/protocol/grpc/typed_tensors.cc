// SPDX-License-Identifier: Apache-2.0
#include "protocol/grpc/typed_tensors.h"

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace muster {
namespace {

using Message = TypedContents::Message;

struct TypedField {
  int number = 0;  // 0: there is none
  std::string_view name;
};

TypedField field_of(DataType type) {
  switch (type) {
    case DataType::kBool:
      return {Message::kBoolContentsFieldNumber, "bool_contents"};
    case DataType::kInt8:
    case DataType::kInt16:
    case DataType::kInt32:
      return {Message::kIntContentsFieldNumber, "int_contents"};
    case DataType::kInt64:
      return {Message::kInt64ContentsFieldNumber, "int64_contents"};
    case DataType::kUint8:
    case DataType::kUint16:
    case DataType::kUint32:
      return {Message::kUintContentsFieldNumber, "uint_contents"};
    case DataType::kUint64:
      return {Message::kUint64ContentsFieldNumber, "uint64_contents"};
    case DataType::kFp32:
      return {Message::kFp32ContentsFieldNumber, "fp32_contents"};
    case DataType::kFp64:
      return {Message::kFp64ContentsFieldNumber, "fp64_contents"};
    case DataType::kBytes:
      return {Message::kBytesContentsFieldNumber, "bytes_contents"};
    default:
      return {};
  }
}

// Elements of this type, as many as the shape has, and no others.
Status check_contents(const InputHead& head, const TypedField& field,
                      const TypedContents& contents) {
  const std::string type(data_type_name(head.type));
  if (field.number == 0) {
    return invalid_argument(type + " has no typed contents; it travels in raw_input_contents");
  }
  const std::size_t given = contents.count(field.number);
  if (contents.count() != given) {
    return invalid_argument("elements of " + type + " go into " + std::string(field.name) +
                            " alone");
  }
  if (given != head.elements) {
    return invalid_argument("its shape has " + std::to_string(head.elements) + " elements, " +
                            std::to_string(given) + " are given in " + std::string(field.name));
  }
  return {};
}

// A number of the field's type, as one of the tensor's. False where it is out of its range.
template <typename T, typename Given>
bool convert(std::uint64_t varint, T& element) {
  // Bits beyond the field's type are dropped, as protobuf does.
  const auto given = static_cast<Given>(varint);
  element = static_cast<T>(given);
  if constexpr (std::is_same_v<Given, bool>) {
    return true;
  } else {
    return std::in_range<T>(given);
  }
}

template <typename T, typename Given>
Result<Tensor> from_varints(const InputHead& head, int field, const TypedContents& contents) {
  MUSTER_ASSIGN_OR_RETURN(Tensor tensor, Tensor::allocate(head.type, head.shape));
  T* element = tensor.elements<T>().data();
  Status fault;
  contents.visit_runs(field, [&](std::string_view run) {
    WireReader in(run);
    while (!in.rest().empty()) {
      const std::uint64_t varint = in.varint();
      if (!convert<T, Given>(varint, *element) && fault.ok()) {
        fault = invalid_argument(
            "element " + std::to_string(element - tensor.elements<T>().data()) + " is " +
            std::to_string(static_cast<Given>(varint)) + ", which is out of the range of " +
            std::string(data_type_name(head.type)));
      }
      ++element;
    }
  });
  if (!fault.ok()) return fault;
  return tensor;
}

Result<Tensor> laid_together(const InputHead& head, int field, const TypedContents& contents) {
  MUSTER_ASSIGN_OR_RETURN(Tensor tensor, Tensor::allocate(head.type, head.shape));
  std::byte* at = tensor.bytes().data();
  contents.visit_runs(field, [&at](std::string_view run) {
    if (!run.empty()) std::memcpy(at, run.data(), run.size());
    at += run.size();
  });
  return tensor;
}

Result<Tensor> serialised(const InputHead& head, int field, const TypedContents& contents) {
  const std::size_t lengths = head.elements * sizeof(std::uint32_t);
  MUSTER_ASSIGN_OR_RETURN(
      Tensor tensor, Tensor::allocate(head.type, head.shape, lengths + contents.string_bytes()));
  std::byte* at = tensor.bytes().data();
  contents.visit_runs(field, [&at](std::string_view text) {
    const auto length = static_cast<std::uint32_t>(text.size());
    std::memcpy(at, &length, sizeof(length));
    if (length != 0) std::memcpy(at + sizeof(length), text.data(), length);
    at += sizeof(length) + length;
  });
  return tensor;
}

Result<Tensor> tensor_of(const InputHead& head, int field, const TypedContents& contents) {
  switch (head.type) {
    case DataType::kBool:
      return from_varints<std::uint8_t, bool>(head, field, contents);
    case DataType::kInt8:
      return from_varints<std::int8_t, std::int32_t>(head, field, contents);
    case DataType::kInt16:
      return from_varints<std::int16_t, std::int32_t>(head, field, contents);
    case DataType::kInt32:
      return from_varints<std::int32_t, std::int32_t>(head, field, contents);
    case DataType::kInt64:
      return from_varints<std::int64_t, std::int64_t>(head, field, contents);
    case DataType::kUint8:
      return from_varints<std::uint8_t, std::uint32_t>(head, field, contents);
    case DataType::kUint16:
      return from_varints<std::uint16_t, std::uint32_t>(head, field, contents);
    case DataType::kUint32:
      return from_varints<std::uint32_t, std::uint32_t>(head, field, contents);
    case DataType::kUint64:
      return from_varints<std::uint64_t, std::uint64_t>(head, field, contents);
    case DataType::kBytes:
      return serialised(head, field, contents);
    default:
      return laid_together(head, field, contents);
  }
}

}  // namespace

Result<Tensor> typed_tensor(const InputHead& head, const TypedContents& contents) {
  const TypedField field = field_of(head.type);
  MUSTER_RETURN_IF_ERROR(check_contents(head, field, contents));
  return tensor_of(head, field.number, contents);
}

Status add_typed(InputHead&& head, const TypedContents& contents, InferRequest& request) {
  const TypedField field = field_of(head.type);
  if (const Status status = check_contents(head, field, contents); !status.ok()) {
    return in_input(head.name, status);
  }
  const bool is_float = head.type == DataType::kFp32 || head.type == DataType::kFp64;
  if (const std::string_view floats = contents.floats(); is_float && !floats.empty())
    return add_view(std::move(head), std::as_bytes(std::span(floats)), request);
  auto tensor = tensor_of(head, field.number, contents);
  if (!tensor.ok()) return in_input(head.name, tensor.status());
  request.add_input(std::move(head.name), *std::move(tensor));
  return {};
}

}  // namespace muster
