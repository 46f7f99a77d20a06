// SPDX-License-Identifier: Apache-2.0
// The inputs of `muster verify`: rows from files, from pictures, or made up to fit the signature.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "app/subject/model_subject.h"
#include "comparing/varied_values.h"
#include "measuring/sample_inputs.h"

namespace muster {

struct InputFile {
  std::string input;
  std::string file;
};

struct InputWishes {
  std::vector<InputFile> files;  // .npy, or the elements as they lie in memory
  std::vector<std::string>
      pictures;            // files; for the only input, as the configuration prepares them
  RowShapes shapes;        // of inputs with open dimensions
  ValueRanges ranges;      // of what is made up
  std::uint64_t seed = 1;  // likewise
  std::int64_t rows = 0;   // likewise; 0 = the usual number
};

struct VerifyInputs {
  // In the signature's order; the first axis of each counts the rows. Where the model has no batch
  // axis a row is a whole input, and that axis is not the model's.
  std::vector<Tensor> tensors;
  std::int64_t rows = 0;
  std::string origin;  // for people: "128 rows made up with --seed 1"
};

// "NAME=FILE", each for another input.
[[nodiscard]] Result<std::vector<InputFile>> parse_input_files(
    const std::vector<std::string>& texts);
// "NAME:LOW,HIGH", each for another input.
[[nodiscard]] Result<ValueRanges> parse_value_ranges(const std::vector<std::string>& texts);

// Inputs without a file are made up, with as many rows as the files have. All together take up to
// `limit` bytes, and so does each file. Errors name input and file.
[[nodiscard]] Result<VerifyInputs> gather_inputs(const Contender& contender,
                                                 const InputWishes& wishes, std::int64_t usual_rows,
                                                 std::uint64_t limit);

}  // namespace muster
