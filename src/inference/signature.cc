// SPDX-License-Identifier: Apache-2.0
#include "inference/signature.h"

#include <algorithm>
#include <string_view>
#include <vector>

namespace muster {
namespace {

const TensorSpec* find(const std::vector<TensorSpec>& specs, std::string_view name) noexcept {
  const auto found = std::ranges::find(specs, name, &TensorSpec::name);
  return found == specs.end() ? nullptr : &*found;
}

}  // namespace

Shape ImagePreprocessing::row_shape() const {
  return layout == Layout::kNchw ? Shape{channels(), height, width}
                                 : Shape{height, width, channels()};
}

const TensorSpec* input_without_batch_axis(const ModelSignature& signature) noexcept {
  const auto found = std::ranges::find_if(signature.inputs, [](const TensorSpec& input) {
    return input.shape.rank() == 0 || input.shape[0] != kDynamicDim;
  });
  return found == signature.inputs.end() ? nullptr : &*found;
}

bool ModelSignature::has_batch_axis() const noexcept {
  return !inputs.empty() && input_without_batch_axis(*this) == nullptr;
}

const TensorSpec* ModelSignature::find_input(std::string_view name) const noexcept {
  return find(inputs, name);
}

const TensorSpec* ModelSignature::find_output(std::string_view name) const noexcept {
  return find(outputs, name);
}

}  // namespace muster
