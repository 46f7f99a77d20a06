// SPDX-License-Identifier: Apache-2.0
// The small grammar inside of header values: lists, parameters, weights.
#pragma once

#include <string>
#include <string_view>

namespace muster {

// Without the spaces and tabs around it.
[[nodiscard]] std::string_view trim(std::string_view text) noexcept;
// Of ASCII letters.
[[nodiscard]] bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept;
// What stands before the first `separator` outside of quotes, trimmed; `rest` is what follows it.
[[nodiscard]] std::string_view next_item(std::string_view& rest, char separator) noexcept;
// The weight among `parameters` ("q=0.5") in thousandths; 1000 where there is none, 0 where it is
// malformed.
[[nodiscard]] int weight_of(std::string_view parameters) noexcept;
// The parameter `name` of "type/subtype; name=value", without its quotes; "" where it is missing.
[[nodiscard]] std::string parameter_of(std::string_view value, std::string_view name);
// "type/subtype" of it, in lower case.
[[nodiscard]] std::string media_type_of(std::string_view value);

}  // namespace muster
