// SPDX-License-Identifier: Apache-2.0
// What two signatures of what should be one model do not share.
#pragma once

#include <string>

#include <muster/model.h>

namespace muster {

// "input 'x' is INT64 [-1,4] instead of FP32 [-1,4]; there is no output 'y'": what is wrong with
// `given`, for people; "" where it has the names and types of `expected`, and shapes that can be
// the same: as many dimensions, each equal or open on one side.
[[nodiscard]] std::string signature_differences(const ModelSignature& expected,
                                                const ModelSignature& given);

}  // namespace muster
