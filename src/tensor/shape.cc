// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdint>
#include <limits>

#include <muster/tensor.h>

namespace muster {

Shape::Shape(std::span<const std::int64_t> dims) : rank_(dims.size()) {
  if (rank_ > kInlineRank) heap_ = std::make_unique<std::int64_t[]>(rank_);
  std::copy(dims.begin(), dims.end(), begin());
}

Shape::Shape(Shape&& other) noexcept : rank_(other.rank_), heap_(std::move(other.heap_)) {
  std::copy(std::begin(other.inline_), std::end(other.inline_), std::begin(inline_));
  other.rank_ = 0;
}

Shape& Shape::operator=(const Shape& other) {
  if (this != &other) *this = Shape(other);
  return *this;
}

Shape& Shape::operator=(Shape&& other) noexcept {
  if (this == &other) return *this;
  rank_ = std::exchange(other.rank_, 0);
  heap_ = std::move(other.heap_);
  std::copy(std::begin(other.inline_), std::end(other.inline_), std::begin(inline_));
  return *this;
}

Shape Shape::without_first() const {
  return rank_ == 0 ? *this : Shape(dims().subspan(1));
}

Shape Shape::with_first(std::int64_t dim) const {
  Shape longer;
  longer.rank_ = rank_ + 1;
  if (longer.rank_ > kInlineRank) longer.heap_ = std::make_unique<std::int64_t[]>(longer.rank_);
  longer.set(0, dim);
  std::copy_n(begin(), rank_, longer.begin() + 1);
  return longer;
}

bool Shape::has_dynamic_dim() const noexcept {
  return std::any_of(begin(), begin() + rank_, [](std::int64_t dim) { return dim < 0; });
}

std::string Shape::to_string() const {
  std::string text = "[";
  for (std::size_t i = 0; i < rank_; ++i) {
    if (i > 0) text += ',';
    text += std::to_string(begin()[i]);
  }
  return text + ']';
}

bool operator==(const Shape& a, const Shape& b) noexcept {
  return std::ranges::equal(a.dims(), b.dims());
}

namespace {

// The product of a shape's dimensions and `factor`, which is at least 1.
Result<std::size_t> product_of(const Shape& shape, std::uint64_t factor) {
  // Bytes must fit a signed 64-bit number, as every runtime counts in those. A zero dimension does
  // not excuse its neighbours: they are multiplied all the same, so that [0, 2^62, 2^62] is
  // refused.
  constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();
  std::uint64_t product = factor;
  bool empty = false;
  for (const std::int64_t dim : shape.dims()) {
    if (dim < 0)
      return invalid_argument("shape " + shape.to_string() + " has a negative dimension");
    if (dim == 0) {
      empty = true;
      continue;
    }
    if (product > kMost / static_cast<std::uint64_t>(dim)) {
      return invalid_argument("shape " + shape.to_string() + " has too many elements");
    }
    product *= static_cast<std::uint64_t>(dim);
  }
  return empty ? std::size_t{0} : static_cast<std::size_t>(product);
}

}  // namespace

Result<std::size_t> element_count(const Shape& shape) {
  return product_of(shape, 1);
}

Result<std::size_t> byte_size(DataType type, const Shape& shape) {
  const std::size_t element = element_size(type);
  if (element == 0) {
    return invalid_argument("tensors of " + std::string(data_type_name(type)) +
                            " have no size of their own");
  }
  return product_of(shape, element);
}

}  // namespace muster
