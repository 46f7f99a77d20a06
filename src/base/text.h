// SPDX-License-Identifier: Apache-2.0
// Text from outside made safe for messages, and numbers read strictly.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace muster {

inline constexpr std::size_t kMaxPrintedBytes = 200;

// `text` with control characters and invalid UTF-8 as \xNN, cut behind `limit` bytes with "...".
[[nodiscard]] std::string printable(std::string_view text, std::size_t limit = kMaxPrintedBytes);

// Length of the printable UTF-8 character that `text`, which is not empty, begins with; 0 where
// there is none. Overlong forms and surrogates are none; nor are control characters, C1 included,
// which some terminals obey.
[[nodiscard]] std::size_t utf8_length(std::string_view text) noexcept;

// The whole of `text` as a number; nothing where it is no number, out of range, or has a rest.
// Doubles are finite.
[[nodiscard]] std::optional<std::int64_t> parse_int(std::string_view text) noexcept;
[[nodiscard]] std::optional<double> parse_double(std::string_view text) noexcept;

// The candidate nearest to `word` by edit distance, "" where none is near enough to be a typo.
[[nodiscard]] std::string_view nearest(std::string_view word,
                                       std::span<const std::string_view> candidates);

}  // namespace muster
