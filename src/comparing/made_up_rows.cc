// SPDX-License-Identifier: Apache-2.0
#include "comparing/made_up_rows.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "base/text.h"
#include "comparing/varied_values.h"

namespace muster {
namespace {

Shape closed(const TensorSpec& input, const RowsWanted& wanted) {
  Shape row = wanted.stacked ? input.shape.without_first() : input.shape;
  for (std::size_t axis = 0; axis < row.rank(); ++axis) {
    if (row[axis] == kDynamicDim) row.set(axis, wanted.open_dims);
  }
  return row.with_first(wanted.rows);
}

Result<Tensor> texts(const Shape& shape, std::size_t max_bytes) {
  MUSTER_ASSIGN_OR_RETURN(const std::size_t count, element_count(shape));
  // An element takes its length and one letter, and a view of it while it is made.
  if (count > max_bytes / sizeof(std::string_view))
    return resource_exhausted("its texts are too many");
  const std::vector<std::string_view> all(count, "1");
  return Tensor::of_strings(shape, all);
}

// Little-endian, so that one byte of each element is all there is to a 1.
void fill_with_ones(Tensor& tensor) {
  const std::span<std::byte> bytes = tensor.bytes();
  std::memset(bytes.data(), 0, bytes.size());
  for (std::size_t at = 0; at < bytes.size(); at += element_size(tensor.type()))
    bytes[at] = std::byte{1};
}

Result<Tensor> made_up(const TensorSpec& input, const RowsWanted& wanted, std::uint64_t seed,
                       std::size_t max_bytes) {
  const Shape shape = closed(input, wanted);
  if (input.type == DataType::kBytes) return texts(shape, max_bytes);
  MUSTER_ASSIGN_OR_RETURN(const std::size_t bytes, byte_size(input.type, shape));
  if (bytes > max_bytes) return resource_exhausted("it is too large to make up");
  MUSTER_ASSIGN_OR_RETURN(Tensor tensor, Tensor::allocate(input.type, shape));
  if (bytes == 0) return tensor;
  fill_with_ones(tensor);
  MUSTER_RETURN_IF_ERROR(vary(tensor, std::nullopt, seed));
  return tensor;
}

}  // namespace

Result<std::vector<Tensor>> made_up_rows(const ModelSignature& signature,
                                         const RowsWanted& wanted) {
  std::vector<Tensor> tensors;
  std::size_t left = wanted.max_bytes;
  for (const TensorSpec& input : signature.inputs) {
    // Inputs that are alike get values that are not.
    Result<Tensor> tensor = made_up(input, wanted, tensors.size() + 1, left);
    if (!tensor.ok()) return tensor.status().with_context("input '" + printable(input.name) + "'");
    left -= std::min(left, tensor->bytes().size());
    tensors.push_back(*std::move(tensor));
  }
  return tensors;
}

bool has_open_dims(const ModelSignature& signature, bool stacked) noexcept {
  return std::ranges::any_of(signature.inputs, [&](const TensorSpec& input) {
    const auto dims = input.shape.dims();
    const std::size_t first = stacked ? 1 : 0;
    return dims.size() > first &&
           std::ranges::find(dims.subspan(first), kDynamicDim) != dims.subspan(first).end();
  });
}

}  // namespace muster
