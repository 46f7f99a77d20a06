// SPDX-License-Identifier: Apache-2.0
// UTF-8 as JSON allows it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace muster {

// Length of the UTF-8 character that `text`, which is not empty, begins with; 0 where there is
// none. Control characters are characters; overlong forms and surrogates are none.
[[nodiscard]] std::size_t utf8_character(std::string_view text) noexcept;
[[nodiscard]] bool is_utf8(std::string_view text) noexcept;
// `code` is at most 0x10FFFF and no surrogate.
void append_utf8(std::string& out, char32_t code);

}  // namespace muster
