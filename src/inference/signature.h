// SPDX-License-Identifier: Apache-2.0
// What a model's signature (<muster/model.h>) says beside its own methods.
#pragma once

#include <muster/model.h>

namespace muster {

// The first input whose first axis is not open, so that requests cannot share a run; null where
// there is none.
[[nodiscard]] const TensorSpec* input_without_batch_axis(const ModelSignature& signature) noexcept;

}  // namespace muster
