// SPDX-License-Identifier: Apache-2.0
// ModelInfer, the one method that has calls of its own (unary_infer.h): they come by the thousand.
// All others are in a table (services/generic_methods.h).
#pragma once

#include <string_view>

#include "frontend/access_policy.h"

namespace muster {

inline constexpr Right kModelInferRight = Right::kInfer;
inline constexpr std::string_view kModelInferPath = "/inference.GRPCInferenceService/ModelInfer";

}  // namespace muster
