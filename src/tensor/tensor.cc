// SPDX-License-Identifier: Apache-2.0
#include <cstring>
#include <limits>

#include <muster/tensor.h>

namespace muster {
namespace {

constexpr std::size_t kLengthBytes = sizeof(std::uint32_t);

std::string sizes(std::size_t expected, std::size_t given) {
  return std::to_string(expected) + " bytes expected, " + std::to_string(given) + " given";
}

}  // namespace

Result<Tensor> Tensor::allocate(DataType type, Shape shape) {
  MUSTER_ASSIGN_OR_RETURN(const std::size_t size, byte_size(type, shape));
  return allocate(type, std::move(shape), size);
}

Result<Tensor> Tensor::allocate(DataType type, Shape shape, std::size_t size) {
  if (type != DataType::kBytes) {
    MUSTER_ASSIGN_OR_RETURN(const std::size_t expected, byte_size(type, shape));
    if (size != expected) {
      return invalid_argument(std::string(data_type_name(type)) + " tensor of shape " +
                              shape.to_string() + ": " + sizes(expected, size));
    }
  }
  Tensor tensor;
  MUSTER_ASSIGN_OR_RETURN(tensor.buffer_, Buffer::allocate(size));
  tensor.type_ = type;
  tensor.shape_ = std::move(shape);
  return tensor;
}

Result<Tensor> Tensor::copy_of(DataType type, Shape shape, std::span<const std::byte> elements) {
  MUSTER_ASSIGN_OR_RETURN(Tensor tensor, allocate(type, std::move(shape), elements.size()));
  if (type == DataType::kBytes) {
    MUSTER_RETURN_IF_ERROR(bytes_elements({type, tensor.shape_, elements}).status());
  }
  if (!elements.empty()) std::memcpy(tensor.bytes().data(), elements.data(), elements.size());
  return tensor;
}

Result<Tensor> Tensor::of_strings(Shape shape, std::span<const std::string_view> strings) {
  MUSTER_ASSIGN_OR_RETURN(const std::size_t count, element_count(shape));
  if (count != strings.size()) {
    return invalid_argument("BYTES tensor of shape " + shape.to_string() + ": " +
                            std::to_string(count) + " elements expected, " +
                            std::to_string(strings.size()) + " given");
  }
  std::size_t size = 0;
  for (const std::string_view string : strings) {
    if (string.size() > std::numeric_limits<std::uint32_t>::max()) {
      return invalid_argument("a BYTES element of " + std::to_string(string.size()) +
                              " bytes is longer than its 4-byte length can say");
    }
    size += kLengthBytes + string.size();
  }
  MUSTER_ASSIGN_OR_RETURN(Tensor tensor, allocate(DataType::kBytes, std::move(shape), size));
  std::byte* out = tensor.bytes().data();
  for (const std::string_view string : strings) {
    const auto length = static_cast<std::uint32_t>(string.size());
    std::memcpy(out, &length, kLengthBytes);
    if (length > 0) std::memcpy(out + kLengthBytes, string.data(), length);
    out += kLengthBytes + length;
  }
  return tensor;
}

Result<std::vector<std::string_view>> bytes_elements(const TensorView& tensor) {
  MUSTER_ASSIGN_OR_RETURN(const std::size_t count, element_count(tensor.shape));
  // Every element takes at least its length, so the bytes bound what a hostile shape may claim.
  if (count > tensor.bytes.size() / kLengthBytes) {
    return invalid_argument("BYTES tensor of shape " + tensor.shape.to_string() +
                            " needs more than " + std::to_string(tensor.bytes.size()) + " bytes");
  }
  std::vector<std::string_view> elements;
  elements.reserve(count);
  std::span<const std::byte> rest = tensor.bytes;
  while (elements.size() < count) {
    std::uint32_t length = 0;
    if (rest.size() < kLengthBytes) return invalid_argument("BYTES tensor is cut off");
    std::memcpy(&length, rest.data(), kLengthBytes);
    rest = rest.subspan(kLengthBytes);
    if (length > rest.size()) return invalid_argument("BYTES tensor is cut off");
    elements.emplace_back(reinterpret_cast<const char*>(rest.data()), length);
    rest = rest.subspan(length);
  }
  if (!rest.empty()) {
    return invalid_argument("BYTES tensor has " + std::to_string(rest.size()) +
                            " bytes behind its last element");
  }
  return elements;
}

}  // namespace muster
