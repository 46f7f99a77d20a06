// SPDX-License-Identifier: Apache-2.0
// Inputs: the arrays that a call of run or submit was given, held against the model.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <muster/model.h>

#include "python/src/arrays.h"
#include "python/src/python.h"

namespace muster::python {

// Names of tensors as Python has them, made once.
[[nodiscard]] std::vector<nb::str> names_of(const std::vector<TensorSpec>& specs);

class Inputs {
 public:
  // What a model takes.
  struct Rules {
    const std::vector<TensorSpec>& specs;
    const std::vector<nb::str>& names;
    bool stacked = false;      // the first axis of every input counts rows
    bool takes_a_row = false;  // where stacked: also one row without that axis, for all inputs
  };

  // `arguments`: one dict {name: array}, or an array for each input in their order. Raises what
  // does not fit, with what was expected and given.
  Inputs(const Rules& rules, const nb::args& arguments);

  [[nodiscard]] const BorrowedArray& operator[](std::size_t index) const { return arrays_[index]; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  // 1 where the model has no batch axis.
  [[nodiscard]] std::int64_t rows() const noexcept { return rows_; }
  // They are one row without the batch axis.
  [[nodiscard]] bool is_a_row() const noexcept { return is_a_row_; }
  // With the batch axis.
  [[nodiscard]] Shape shape(std::size_t index) const;

 private:
  void take(const Rules& rules, std::size_t index, nb::handle array);
  void take_named(const Rules& rules, const nb::dict& arrays);
  void check(const Rules& rules, std::size_t index);

  std::size_t size_;
  BorrowedArray one_;  // most models take one
  std::unique_ptr<BorrowedArray[]> several_;
  BorrowedArray* arrays_ = &one_;
  std::int64_t rows_ = 1;
  bool is_a_row_ = false;
};

// "float32 of [-1,1,28,28]"
[[nodiscard]] std::string described(const TensorSpec& spec);

}  // namespace muster::python
