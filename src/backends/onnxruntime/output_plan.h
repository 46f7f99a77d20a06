// SPDX-License-Identifier: Apache-2.0
// Which outputs' shapes are known before a run: from static dimensions, and from open ones that
// bear the same name as an input's. A plain value; knows no runtime type.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include <muster/model.h>

namespace muster::onnxruntime {

class OutputPlan {
 public:
  explicit OutputPlan(const ModelSignature& signature);

  // The output's shape in a batch with these input shapes; nothing where that is not certain.
  [[nodiscard]] std::optional<Shape> predict(std::size_t output,
                                             std::span<const Shape> inputs) const;
  // The model lied about this output: it is never predicted again.
  void distrust(std::size_t output) { outputs_[output].certain = false; }

 private:
  struct Dim {
    std::int64_t fixed = kDynamicDim;  // where not open
    std::size_t input = 0;
    std::size_t axis = 0;
  };
  struct Output {
    bool certain = true;
    std::vector<Dim> dims;
  };
  std::vector<Output> outputs_;
};

}  // namespace muster::onnxruntime
