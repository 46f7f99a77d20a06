// SPDX-License-Identifier: Apache-2.0
// What two ways of running a model say for the same rows, held against each other.
//
//   OutputReference: add(row 0), add(row 1), ...     then OutputComparison: add(any row), ...
//
// Floating-point elements may differ by a tolerance, integers, booleans and texts by nothing. The
// relative error of an element is its difference by the larger of what was expected and the root
// mean square of all that was expected of this output: what is near zero beside the others counts
// as they do. NaN meets NaN and an infinity its own; anything else beside one of them differs
// whatever the tolerance, and is in no maximum or mean.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <muster/tensor.h>

namespace muster {

class OutputReference {
 public:
  // The rows come in their order. The bytes are copied.
  [[nodiscard]] Status add(const TensorView& row);

  [[nodiscard]] std::int64_t rows() const noexcept {
    return static_cast<std::int64_t>(rows_.size());
  }
  [[nodiscard]] const Tensor& row(std::int64_t index) const {
    return rows_[static_cast<std::size_t>(index)];
  }
  // Root mean square of the finite elements; 0 where there are none, or no floating-point ones.
  [[nodiscard]] double scale() const noexcept;
  // Floating-point elements along one axis, two at least: the highest is the row's choice.
  [[nodiscard]] bool looks_like_scores() const noexcept;

 private:
  void add_to_scale(double value) noexcept;

  std::vector<Tensor> rows_;
  // Of the finite elements: the largest size, and the sum of the squares of all by that one, which
  // is at most their number however large they are.
  double largest_ = 0;
  double square_sum_ = 0;
  std::size_t finite_ = 0;
};

// An element as text. Numbers as JSON has them too; what JSON has no number for (NaN, infinities,
// texts, and whole tensors) is not `numeric`.
struct ElementText {
  std::string text;
  bool numeric = false;
};

// The first element, by row and then by place, that is beyond the tolerance.
struct FirstDifference {
  std::int64_t row = 0;
  std::vector<std::int64_t> element;  // its index along each axis of the row
  bool of_shape = false;              // there is no element: type or shape are others
  ElementText expected;
  ElementText given;
};

struct OutputFindings {
  bool exact = false;         // integers, booleans or texts: no error is measured
  std::size_t elements = 0;   // that were compared
  std::size_t differing = 0;  // of these, beyond the tolerance; all of a row of another shape
  double max_abs = 0;
  double mean_abs = 0;
  double max_rel = 0;
  double mean_rel = 0;
  // Rows with a highest element, how often it was the same one, and how many different ones there
  // were in the reference. 0 where the output does not look like scores.
  std::size_t scored_rows = 0;
  std::size_t agreeing_rows = 0;
  std::size_t choices = 0;
  std::optional<FirstDifference> first;

  [[nodiscard]] bool within_tolerance() const noexcept { return !first; }
  // 0 to 1; nothing where no row was scored.
  [[nodiscard]] std::optional<double> agreement() const noexcept;
};

class OutputComparison {
 public:
  // The reference is complete, and outlives this.
  OutputComparison(const OutputReference& reference, double tolerance)
      : reference_(reference),
        tolerance_(tolerance),
        scale_(reference.scale()),
        scores_(reference.looks_like_scores()) {}

  // Rows may come in any order and more than once. An error where a text's bytes do not add up.
  [[nodiscard]] Status add(std::int64_t row, const TensorView& given);
  [[nodiscard]] OutputFindings findings() const;

 private:
  void add_floats(std::int64_t row, const TensorView& expected, const TensorView& given);
  Status add_exact(std::int64_t row, const TensorView& expected, const TensorView& given);
  void add_choice(const TensorView& expected, const TensorView& given);
  void note(std::int64_t row, std::size_t element, const TensorView& expected,
            const TensorView& given);

  const OutputReference& reference_;
  const double tolerance_;
  const double scale_;
  const bool scores_;
  OutputFindings found_;
  double sum_abs_ = 0;
  double sum_rel_ = 0;
  std::size_t measured_ = 0;
  std::set<std::size_t> choices_;
  std::pair<std::int64_t, std::size_t> first_place_{};
};

}  // namespace muster
