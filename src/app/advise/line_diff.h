// SPDX-License-Identifier: Apache-2.0
// What has changed from one text to another, line by line.
#pragma once

#include <string>
#include <string_view>

namespace muster {

// Lines that are gone behind "- ", new ones behind "+ ", and nothing of those that stay; "" where
// all do. Texts with very many lines that differ are told of as a whole.
[[nodiscard]] std::string line_diff(std::string_view before, std::string_view after);

}  // namespace muster
