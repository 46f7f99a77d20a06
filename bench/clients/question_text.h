// SPDX-License-Identifier: Apache-2.0
// The texts that questions are made of.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bench/clients/question.h"

namespace muster::bench {

// "[1,1,28,28]"
[[nodiscard]] std::string shape_text(const KnownModel& model, std::int64_t rows);
// The whole request; header_length: of the JSON in front of binary tensors, 0 = it is all JSON.
[[nodiscard]] std::string http_infer_request(const KnownModel& model, const std::string& body,
                                             std::size_t header_length);
[[nodiscard]] std::string bytes_of(const std::vector<float>& values);
// Equal but for what the order of additions changes between batch sizes.
[[nodiscard]] bool about_equal(const float* values, const std::vector<float>& expected);

}  // namespace muster::bench
