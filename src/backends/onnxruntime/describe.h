// SPDX-License-Identifier: Apache-2.0
// A loaded model's inputs and outputs as a ModelSignature.
#pragma once

#include <onnxruntime_cxx_api.h>

#include <muster/model.h>

namespace muster::onnxruntime {

// An error names the tensor that cannot be carried and its type.
[[nodiscard]] Result<ModelSignature> describe(const Ort::Session& session);

// kInvalid for types that Muster does not carry, and the reverse.
[[nodiscard]] DataType data_type_of(ONNXTensorElementDataType type) noexcept;
[[nodiscard]] ONNXTensorElementDataType element_type_of(DataType type) noexcept;

}  // namespace muster::onnxruntime
