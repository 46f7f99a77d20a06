// SPDX-License-Identifier: Apache-2.0
// What backends share when they read `parameters` of a model's configuration: numbers and lists of
// them, and what to say of a parameter that is wrong or unknown. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <muster/backend.h>

namespace muster {

// Each false, and nothing changed, where the text is not that.
[[nodiscard]] bool read_number(std::string_view text, std::int64_t low, std::int64_t high,
                               std::int64_t& target);
// "8,1,2": at most `most` numbers; ascending and each once afterwards.
[[nodiscard]] bool read_numbers(std::string_view text, std::int64_t low, std::int64_t high,
                                std::size_t most, std::vector<std::int64_t>& target);

// File, line and name, in one line and not longer than a message should be.
[[nodiscard]] std::string place_of(const ModelConfig& config, std::string_view parameter);

// `values`: what is expected, in words.
[[nodiscard]] Status wrong_parameter(const ModelConfig& config, std::string_view parameter,
                                     std::string_view text, std::string_view values);
// Names the nearest of those that are known.
[[nodiscard]] Status unknown_parameter(const ModelConfig& config, std::string_view parameter,
                                       std::string_view backend,
                                       std::span<const std::string_view> known);

}  // namespace muster
