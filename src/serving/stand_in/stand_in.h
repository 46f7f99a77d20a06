// SPDX-License-Identifier: Apache-2.0
// StandIn: which backend serves a model while its own compiles, and from what.
//
//   must_compile | file_for   open the fallback backend   load_stand_in ... check_stand_in
//
// docs/adr/0048 has the whole way.
#pragma once

#include <memory>
#include <string>

#include "serving/served_model.h"

namespace muster {

// Whose name parameter fallback_backend has where it is not said.
inline constexpr std::string_view kUsualStandIn = "onnxruntime";

[[nodiscard]] std::string stand_in_backend(const ModelConfig& config);
// Loads `order`, whose backend is the stand-in's, from `file`: on a GPU where the backend has one
// for it, otherwise and where that fails on the CPU.
[[nodiscard]] Result<std::unique_ptr<ServedModel>> load_stand_in(LoadOrder order,
                                                                 const std::string& file,
                                                                 Clock& clock);

}  // namespace muster
