// SPDX-License-Identifier: Apache-2.0
// DirectRun: one call of Model.run: arrays into a session of the model, and what it made out again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "python/src/arrays.h"
#include "python/src/inputs.h"
#include "python/src/loaded_model.h"

namespace muster::python {

// An output that a run is to give.
struct WantedOutput {
  std::size_t index = 0;  // in the signature of the model
  const TensorSpec* spec = nullptr;
  nb::str name;
  nb::object given;  // to be written into; invalid: a new array is made
};

class DirectRun {
 public:
  DirectRun(LoadedModel& model, const Inputs& inputs, std::vector<WantedOutput> outputs);

  // {name: array}, in the order of the outputs. Blocks, without the interpreter's lock.
  nb::dict operator()();

 private:
  // One output of the whole, which grows part by part.
  struct Made {
    nb::object array;
    std::span<std::byte> bytes;
    Shape shape;
  };

  [[nodiscard]] Status run_part(std::int64_t first, std::int64_t rows);
  [[nodiscard]] Status fill(std::size_t input, std::int64_t first, std::int64_t rows);
  void collect(std::int64_t first, std::int64_t rows);
  void make(std::size_t output, const TensorView& view, std::int64_t rows);

  LoadedModel& model_;
  const Inputs& inputs_;
  std::vector<WantedOutput> outputs_;
  std::unique_ptr<BorrowedArray[]> given_;
  std::vector<Made> made_;
  SessionPool::Lease session_;
  bool has_session_ = false;
};

}  // namespace muster::python
