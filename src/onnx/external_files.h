// SPDX-License-Identifier: Apache-2.0
// Keeps a model's external weights inside its own folder.
#pragma once

#include <string>
#include <vector>

#include <muster/status.h>

#include "onnx/outline.h"

namespace muster::onnx {

// Ok where every location is a relative path that leads, with all symbolic links followed, to a
// regular file inside the folder of `model_file`. Errors name tensor and location.
[[nodiscard]] Status check_external_files(const std::string& model_file,
                                          const std::vector<ExternalLocation>& external);
// The outline of a model file whose external files lie where they may: what a runtime may be given.
[[nodiscard]] Result<Outline> check_model_file(const std::string& path);

}  // namespace muster::onnx
