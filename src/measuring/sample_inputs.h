// SPDX-License-Identifier: Apache-2.0
// SampleInputs: one batch of made-up inputs that fits a model's signature, the same each time.
//
// Floating-point elements lie in [0.5, 1), none alike a denormal, which would be slow; unsigned
// bytes in [1, 255], as pixels do. All other numbers are 1, as they may be indices, booleans true,
// and texts "1".
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <muster/backend.h>

namespace muster {

// By input name: the shape of one row, or of the whole input where there is no batch axis.
using RowShapes = std::map<std::string, Shape, std::less<>>;

class SampleInputs {
 public:
  // `stacked`: the first axis of every input is set to `rows`, else `rows` is not used. `given`
  // fills in open dimensions and must agree with the others. kInvalidArgument names the input
  // whose dimensions stay open or disagree, or the name in `given` that no input has;
  // kResourceExhausted where all inputs together would take more than `limit` bytes.
  static Result<SampleInputs> make(const ModelSignature& signature, bool stacked, std::int64_t rows,
                                   const RowShapes& given, std::uint64_t limit);

  // Prepares every input and copies its elements in. Takes no memory of its own.
  [[nodiscard]] Status fill(Session& session) const;
  [[nodiscard]] const std::vector<Tensor>& tensors() const noexcept { return tensors_; }
  [[nodiscard]] std::vector<Tensor> take_tensors() && { return std::move(tensors_); }

 private:
  std::vector<Tensor> tensors_;  // in the signature's order
};

}  // namespace muster
