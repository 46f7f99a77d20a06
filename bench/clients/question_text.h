// SPDX-License-Identifier: Apache-2.0
// The texts that questions are made of.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/clients/question.h"

namespace muster::bench {

// "[1,1,28,28]"
[[nodiscard]] std::string shape_text(const KnownModel& model, std::int64_t rows);
// "/v2/models/NAME/infer"
[[nodiscard]] std::string infer_path(const KnownModel& model);
// Equal but for what the order of additions changes between batch sizes.
[[nodiscard]] bool about_equal(const float* values, const std::vector<float>& expected);

}  // namespace muster::bench
