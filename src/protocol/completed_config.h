// SPDX-License-Identifier: Apache-2.0
// A model's configuration as the protocol shows it.
#pragma once

#include <string>
#include <string_view>

#include <muster/model.h>

#include "model_config.pb.h"

namespace muster {

// What the protocol calls file format and backend together: "onnxruntime_onnx".
[[nodiscard]] std::string platform_of(std::string_view backend);

// The description's configuration with what its text leaves unsaid because it is the default:
// platform, version policy, optimization, preferred size, file and instance names. kInternal where
// the text cannot be read.
[[nodiscard]] Result<::inference::ModelConfig> completed_config(const ModelDescription& model);

}  // namespace muster
