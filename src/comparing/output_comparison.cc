// SPDX-License-Identifier: Apache-2.0
#include "comparing/output_comparison.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string_view>

#include <fmt/format.h>

#include "base/text.h"
#include "tensor/float_elements.h"

namespace muster {
namespace {

const std::byte* at(const TensorView& tensor, std::size_t element) {
  return tensor.bytes.data() + element * element_size(tensor.type);
}

double float_at(const TensorView& tensor, std::size_t element) {
  return load_float(tensor.type, at(tensor, element));
}

template <typename T>
ElementText whole_number(const std::byte* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof(value));
  return {fmt::format("{}", value), true};
}

ElementText float_text(DataType type, double value) {
  if (std::isnan(value)) return {"NaN", false};
  if (std::isinf(value)) return {value < 0 ? "-Infinity" : "Infinity", false};
  if (type == DataType::kFp64) return {fmt::format("{}", value), true};
  return {fmt::format("{}", static_cast<float>(value)), true};
}

ElementText text_of(const TensorView& tensor, std::size_t element) {
  switch (tensor.type) {
    case DataType::kBool:
    case DataType::kUint8:
      return whole_number<std::uint8_t>(at(tensor, element));
    case DataType::kUint16:
      return whole_number<std::uint16_t>(at(tensor, element));
    case DataType::kUint32:
      return whole_number<std::uint32_t>(at(tensor, element));
    case DataType::kUint64:
      return whole_number<std::uint64_t>(at(tensor, element));
    case DataType::kInt8:
      return whole_number<std::int8_t>(at(tensor, element));
    case DataType::kInt16:
      return whole_number<std::int16_t>(at(tensor, element));
    case DataType::kInt32:
      return whole_number<std::int32_t>(at(tensor, element));
    case DataType::kInt64:
      return whole_number<std::int64_t>(at(tensor, element));
    case DataType::kBytes: {
      const auto elements = bytes_elements(tensor);
      return {elements.ok() ? printable((*elements)[element]) : std::string(), false};
    }
    default:
      return float_text(tensor.type, float_at(tensor, element));
  }
}

std::vector<std::int64_t> place_of(const Shape& shape, std::size_t element) {
  std::vector<std::int64_t> place(shape.rank());
  for (std::size_t axis = shape.rank(); axis-- > 0;) {
    const auto dim = static_cast<std::size_t>(shape[axis]);
    place[axis] = static_cast<std::int64_t>(element % dim);
    element /= dim;
  }
  return place;
}

std::string kind_of(const TensorView& tensor) {
  return std::string(data_type_name(tensor.type)) + ' ' + tensor.shape.to_string();
}

std::size_t count_of(const TensorView& tensor) {
  return element_count(tensor.shape).value();
}

// The index of the highest element, the first of equal ones; nothing where one is no number.
std::optional<std::size_t> choice_of(const TensorView& row) {
  std::size_t best = 0;
  double highest = 0;
  const std::size_t count = count_of(row);
  for (std::size_t i = 0; i < count; ++i) {
    const double value = float_at(row, i);
    if (std::isnan(value)) return std::nullopt;
    if (i == 0 || value > highest) {
      best = i;
      highest = value;
    }
  }
  return best;
}

// A tensor whose bytes are what its shape and type say, so that every element may be read.
Status check_whole(const TensorView& tensor) {
  if (tensor.type == DataType::kBytes) return bytes_elements(tensor).status();
  MUSTER_ASSIGN_OR_RETURN(const std::size_t size, byte_size(tensor.type, tensor.shape));
  if (size == tensor.bytes.size()) return {};
  return internal_error(kind_of(tensor) + " has " + std::to_string(tensor.bytes.size()) +
                        " bytes instead of " + std::to_string(size));
}

bool comparable(const TensorView& expected, const TensorView& given) {
  if (expected.shape != given.shape) return false;
  return expected.type == given.type || (is_floating(expected.type) && is_floating(given.type));
}

}  // namespace

Status OutputReference::add(const TensorView& row) {
  MUSTER_RETURN_IF_ERROR(check_whole(row));
  MUSTER_ASSIGN_OR_RETURN(Tensor copy, Tensor::copy_of(row.type, row.shape, row.bytes));
  if (is_floating(row.type)) {
    const std::size_t count = count_of(row);
    for (std::size_t i = 0; i < count; ++i)
      add_to_scale(float_at(row, i));
  }
  rows_.push_back(std::move(copy));
  return {};
}

void OutputReference::add_to_scale(double value) noexcept {
  if (!std::isfinite(value)) return;
  ++finite_;
  const double size = std::abs(value);
  if (size > largest_) {
    const double shrunk = largest_ / size;
    square_sum_ = 1 + square_sum_ * shrunk * shrunk;
    largest_ = size;
  } else if (size > 0) {
    const double part = size / largest_;
    square_sum_ += part * part;
  }
}

double OutputReference::scale() const noexcept {
  return finite_ == 0 ? 0 : largest_ * std::sqrt(square_sum_ / static_cast<double>(finite_));
}

bool OutputReference::looks_like_scores() const noexcept {
  return !rows_.empty() && std::ranges::all_of(rows_, [](const Tensor& row) {
    const auto dims = row.shape().dims();
    return is_floating(row.type()) &&
           std::ranges::count_if(dims, [](std::int64_t dim) { return dim != 1; }) == 1 &&
           std::ranges::none_of(dims, [](std::int64_t dim) { return dim == 0; });
  });
}

std::optional<double> OutputFindings::agreement() const noexcept {
  if (scored_rows == 0) return std::nullopt;
  return static_cast<double>(agreeing_rows) / static_cast<double>(scored_rows);
}

void OutputComparison::note(std::int64_t row, std::size_t element, const TensorView& expected,
                            const TensorView& given) {
  ++found_.differing;
  const std::pair place{row, element};
  if (found_.first && place >= first_place_) return;
  first_place_ = place;
  found_.first = FirstDifference{row, place_of(expected.shape, element), false,
                                 text_of(expected, element), text_of(given, element)};
}

void OutputComparison::add_floats(std::int64_t row, const TensorView& expected,
                                  const TensorView& given) {
  const std::size_t count = count_of(expected);
  for (std::size_t i = 0; i < count; ++i) {
    const double wanted = float_at(expected, i);
    const double had = float_at(given, i);
    if (!std::isfinite(wanted) || !std::isfinite(had)) {
      if (wanted != had && !(std::isnan(wanted) && std::isnan(had))) note(row, i, expected, given);
      continue;
    }
    const double absolute = std::abs(wanted - had);
    const double measure = std::max(std::abs(wanted), scale_);
    // Only where all that was expected is zero can there be nothing to measure by.
    const double relative = absolute == 0 ? 0
                            : measure > 0 ? absolute / measure
                                          : std::numeric_limits<double>::infinity();
    found_.max_abs = std::max(found_.max_abs, absolute);
    found_.max_rel = std::max(found_.max_rel, relative);
    sum_abs_ += absolute;
    sum_rel_ += relative;
    ++measured_;
    if (relative > tolerance_) note(row, i, expected, given);
  }
}

Status OutputComparison::add_exact(std::int64_t row, const TensorView& expected,
                                   const TensorView& given) {
  if (expected.type == DataType::kBytes) {
    MUSTER_ASSIGN_OR_RETURN(const auto wanted, bytes_elements(expected));
    MUSTER_ASSIGN_OR_RETURN(const auto had, bytes_elements(given));
    for (std::size_t i = 0; i < wanted.size(); ++i)
      if (wanted[i] != had[i]) note(row, i, expected, given);
    return {};
  }
  const std::size_t size = element_size(expected.type);
  const std::size_t count = count_of(expected);
  for (std::size_t i = 0; i < count; ++i) {
    if (std::memcmp(at(expected, i), at(given, i), size) != 0) note(row, i, expected, given);
  }
  return {};
}

void OutputComparison::add_choice(const TensorView& expected, const TensorView& given) {
  const std::optional<std::size_t> wanted = choice_of(expected);
  if (!wanted) return;
  ++found_.scored_rows;
  choices_.insert(*wanted);
  if (choice_of(given) == wanted) ++found_.agreeing_rows;
}

Status OutputComparison::add(std::int64_t row, const TensorView& given) {
  MUSTER_RETURN_IF_ERROR(check_whole(given));
  const TensorView expected = reference_.row(row).view();
  const std::size_t count = count_of(expected);
  found_.exact = !is_floating(expected.type);
  found_.elements += count;
  if (!comparable(expected, given)) {
    found_.differing += std::max<std::size_t>(count, 1);
    const std::pair<std::int64_t, std::size_t> place{row, 0};
    if (!found_.first || place < first_place_) {
      first_place_ = place;
      found_.first =
          FirstDifference{row, {}, true, {kind_of(expected), false}, {kind_of(given), false}};
    }
    return {};
  }
  if (found_.exact) return add_exact(row, expected, given);
  add_floats(row, expected, given);
  if (scores_) add_choice(expected, given);
  return {};
}

OutputFindings OutputComparison::findings() const {
  OutputFindings findings = found_;
  if (measured_ > 0) {
    findings.mean_abs = sum_abs_ / static_cast<double>(measured_);
    findings.mean_rel = sum_rel_ / static_cast<double>(measured_);
  }
  findings.choices = choices_.size();
  return findings;
}

}  // namespace muster
