// SPDX-License-Identifier: Apache-2.0
// Skeleton: a model's graph without its weights, in which the runtime infers shapes. What runs
// batches does not check all of them.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include <openvino/core/model.hpp>
#include <openvino/core/partial_shape.hpp>

#include <muster/status.h>
#include <muster/tensor.h>

namespace muster::openvino {

// Constants of more bytes are left out: none of those that decide a shape is as large.
inline constexpr std::size_t kMaxKeptConstantBytes = 4096;

class Skeleton {
 public:
  // Keeps nothing of `model`, which stays as it is; but for one whose shapes are not known without
  // its weights, which are kept then.
  static Result<Skeleton> of(const ov::Model& model);

  // The shapes of the outputs for these of the inputs, both in order; open where the values of the
  // inputs decide. kInvalidArgument, with the runtime's reason: the model does not take them.
  // One call at a time.
  [[nodiscard]] Result<std::vector<ov::PartialShape>> infer(std::span<const Shape> inputs);
  // Of constants, those of loops and conditions left out.
  [[nodiscard]] std::size_t kept_bytes() const;

 private:
  explicit Skeleton(std::shared_ptr<ov::Model> graph) : graph_(std::move(graph)) {}

  std::shared_ptr<ov::Model> graph_;
};

}  // namespace muster::openvino
