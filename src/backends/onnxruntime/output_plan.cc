// SPDX-License-Identifier: Apache-2.0
#include "backends/onnxruntime/output_plan.h"

#include <string>

namespace muster::onnxruntime {
namespace {

struct Axis {
  std::size_t input;
  std::size_t axis;
};

std::optional<Axis> find_axis(const ModelSignature& signature, const std::string& name) {
  if (name.empty()) return std::nullopt;
  for (std::size_t i = 0; i < signature.inputs.size(); ++i) {
    const std::vector<std::string>& names = signature.inputs[i].dim_names;
    for (std::size_t axis = 0; axis < names.size(); ++axis) {
      if (names[axis] == name) return Axis{i, axis};
    }
  }
  return std::nullopt;
}

}  // namespace

OutputPlan::OutputPlan(const ModelSignature& signature) {
  for (const TensorSpec& spec : signature.outputs) {
    Output output;
    // The runtime allocates strings itself.
    output.certain = spec.type != DataType::kBytes;
    for (std::size_t axis = 0; axis < spec.shape.rank(); ++axis) {
      Dim dim;
      dim.fixed = spec.shape[axis];
      if (dim.fixed == kDynamicDim) {
        const auto source =
            find_axis(signature, spec.dim_names.empty() ? std::string() : spec.dim_names[axis]);
        if (source) {
          dim.input = source->input;
          dim.axis = source->axis;
        } else {
          output.certain = false;
        }
      }
      output.dims.push_back(dim);
    }
    outputs_.push_back(std::move(output));
  }
}

std::optional<Shape> OutputPlan::predict(std::size_t output, std::span<const Shape> inputs) const {
  const Output& planned = outputs_[output];
  if (!planned.certain) return std::nullopt;
  std::vector<std::int64_t> dims;
  for (const Dim& dim : planned.dims) {
    if (dim.fixed != kDynamicDim) {
      dims.push_back(dim.fixed);
    } else if (dim.axis < inputs[dim.input].rank()) {
      dims.push_back(inputs[dim.input][dim.axis]);
    } else {
      return std::nullopt;  // an input of the wrong rank, which the runtime will refuse
    }
  }
  return Shape(dims);
}

}  // namespace muster::onnxruntime
