// SPDX-License-Identifier: Apache-2.0
// The ways to run the model that the command line asks for.
#pragma once

#include <vector>

#include "app/verify/verify_arguments.h"
#include "app/verify/verify_run.h"

namespace muster {

// --reference: "openvino:f32", or "onnxruntime".
[[nodiscard]] VerifyCandidate reference_of(const ModelSubject& subject,
                                           const VerifyArguments& arguments, int threads);
// Backends and precisions, accelerators, servers, in this order. kInvalidArgument: the flags of a
// server say nothing that can be asked.
[[nodiscard]] Result<std::vector<VerifyCandidate>> candidates_of(const ModelSubject& subject,
                                                                 const VerifyArguments& arguments,
                                                                 int threads);

}  // namespace muster
