// SPDX-License-Identifier: Apache-2.0
#include "measuring/sample_inputs.h"

#include <algorithm>
#include <cstring>
#include <span>
#include <utility>

#include "base/text.h"

namespace muster {
namespace {

// A BYTES element as it is serialised: its length in four bytes, and "1".
constexpr std::size_t kTextBytes = 5;
constexpr char kText[kTextBytes] = {1, 0, 0, 0, '1'};

class Randomness {
 public:
  std::uint64_t next() noexcept {
    state_ = state_ * 6364136223846793005U + 1442695040888963407U;
    return state_ >> 32;
  }

 private:
  std::uint64_t state_ = 28;
};

template <typename T, typename Make>
void fill_each(std::span<std::byte> bytes, Make make) {
  for (std::size_t at = 0; at + sizeof(T) <= bytes.size(); at += sizeof(T)) {
    const T value = make();
    std::memcpy(bytes.data() + at, &value, sizeof(T));
  }
}

// With the exponent of 0.5 and any mantissa, every format's value lies in [0.5, 1).
template <typename Bits>
void fill_fractions(std::span<std::byte> bytes, Bits half, int mantissa_bits) {
  Randomness random;
  fill_each<Bits>(bytes, [&] {
    const std::uint64_t bits = random.next() << 32U | random.next();
    return static_cast<Bits>(half | (bits & ((1ULL << mantissa_bits) - 1)));
  });
}

void fill_elements(DataType type, std::span<std::byte> bytes) {
  Randomness random;
  switch (type) {
    case DataType::kFp16:
      return fill_fractions<std::uint16_t>(bytes, 0x3800, 10);
    case DataType::kBf16:
      return fill_fractions<std::uint16_t>(bytes, 0x3f00, 7);
    case DataType::kFp32:
      return fill_fractions<std::uint32_t>(bytes, 0x3f000000, 23);
    case DataType::kFp64:
      return fill_fractions<std::uint64_t>(bytes, 0x3fe0000000000000, 52);
    case DataType::kUint8:
      return fill_each<std::uint8_t>(
          bytes, [&] { return static_cast<std::uint8_t>(1 + random.next() % 255); });
    case DataType::kBool:
    case DataType::kInt8:
      return fill_each<std::uint8_t>(bytes, [] { return std::uint8_t{1}; });
    case DataType::kInt16:
    case DataType::kUint16:
      return fill_each<std::uint16_t>(bytes, [] { return std::uint16_t{1}; });
    case DataType::kInt32:
    case DataType::kUint32:
      return fill_each<std::uint32_t>(bytes, [] { return std::uint32_t{1}; });
    case DataType::kInt64:
    case DataType::kUint64:
      return fill_each<std::uint64_t>(bytes, [] { return std::uint64_t{1}; });
    case DataType::kBytes:
      for (std::size_t at = 0; at + kTextBytes <= bytes.size(); at += kTextBytes)
        std::memcpy(bytes.data() + at, kText, kTextBytes);
      return;
    case DataType::kInvalid:
      return;
  }
}

Status disagrees(const TensorSpec& input, const Shape& row, const Shape& given) {
  return invalid_argument("input '" + printable(input.name) + "' takes " + row.to_string() +
                          (row == input.shape ? "" : " a row") + ", not " + given.to_string());
}

// Names the flag as every verb that makes up inputs has it.
Status stays_open(const TensorSpec& input, const Shape& row, bool stacked) {
  std::string wanted;
  for (const std::int64_t dim : row.dims())
    wanted += (wanted.empty() ? "" : ",") + (dim == kDynamicDim ? "D" : std::to_string(dim));
  return invalid_argument("input '" + printable(input.name) + "' has open dimensions " +
                          input.shape.to_string() + (stacked ? " besides the batch axis" : "") +
                          "; give the shape of " + (stacked ? "a row" : "the input") +
                          " with --shape " + printable(input.name) + ":" + wanted);
}

// What one row, or the whole input, will have for its shape.
Result<Shape> closed_shape(const TensorSpec& input, bool stacked, const RowShapes& given) {
  Shape row = stacked ? input.shape.without_first() : input.shape;
  const auto said = given.find(input.name);
  if (said != given.end()) {
    const Shape& wanted = said->second;
    if (wanted.rank() != row.rank()) return disagrees(input, row, wanted);
    for (std::size_t axis = 0; axis < row.rank(); ++axis) {
      const bool fits = row[axis] == kDynamicDim ? wanted[axis] > 0 : row[axis] == wanted[axis];
      if (!fits) return disagrees(input, row, wanted);
    }
    return wanted;
  }
  if (row.has_dynamic_dim()) return stays_open(input, row, stacked);
  return row;
}

Result<std::size_t> bytes_for(DataType type, const Shape& shape) {
  if (type != DataType::kBytes) return byte_size(type, shape);
  MUSTER_ASSIGN_OR_RETURN(const std::size_t elements, element_count(shape));
  std::size_t bytes = 0;
  if (__builtin_mul_overflow(elements, kTextBytes, &bytes)) {
    return resource_exhausted("shape " + shape.to_string() + " has too many elements");
  }
  return bytes;
}

}  // namespace

Result<SampleInputs> SampleInputs::make(const ModelSignature& signature, bool stacked,
                                        std::int64_t rows, const RowShapes& given,
                                        std::uint64_t limit) {
  for (const auto& [name, shape] : given) {
    if (signature.find_input(name) == nullptr)
      return invalid_argument("there is no input '" + printable(name) + "' to give a shape for");
  }
  SampleInputs inputs;
  std::uint64_t left = limit;
  for (const TensorSpec& input : signature.inputs) {
    MUSTER_ASSIGN_OR_RETURN(Shape shape, closed_shape(input, stacked, given));
    if (stacked) shape = shape.with_first(rows);
    MUSTER_ASSIGN_OR_RETURN(const std::size_t bytes, bytes_for(input.type, shape));
    if (bytes > left) {
      return resource_exhausted("input '" + printable(input.name) + "' of " + shape.to_string() +
                                " takes " + std::to_string(bytes >> 20) + " MiB, and " +
                                std::to_string(left >> 20) + " MiB are left for inputs");
    }
    left -= bytes;
    MUSTER_ASSIGN_OR_RETURN(Tensor tensor, Tensor::allocate(input.type, shape, bytes));
    fill_elements(input.type, tensor.bytes());
    inputs.tensors_.push_back(std::move(tensor));
  }
  return inputs;
}

Status SampleInputs::fill(Session& session) const {
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    const std::span<const std::byte> bytes = tensors_[i].bytes();
    MUSTER_ASSIGN_OR_RETURN(const auto room,
                            session.prepare_input(i, tensors_[i].shape(), bytes.size()));
    if (!bytes.empty()) std::memcpy(room.data(), bytes.data(), bytes.size());
  }
  return {};
}

}  // namespace muster
