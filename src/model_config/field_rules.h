// SPDX-License-Identifier: Apache-2.0
// What Muster does of each field of config.pbtxt, as data. docs/configuration.md lists the same.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace muster {

enum class Treatment : std::uint8_t {
  kHonoured,
  kOnly,      // `value` alone is accepted: it is what Muster does anyway
  kNoEffect,  // accepted with a warning, unless it is `value`
  kRefused,
};

struct FieldRule {
  std::string_view path;  // "dynamic_batching.preserve_ordering"
  Treatment treatment = Treatment::kHonoured;
  std::string_view value = {};  // as text format writes it
  std::string_view note = {};   // why, and what to do instead
};

// Every field of the schema is here or below one that is refused, has no effect or is a map.
[[nodiscard]] std::span<const FieldRule> field_rules() noexcept;
// Null where there is none.
[[nodiscard]] const FieldRule* find_field_rule(std::string_view path) noexcept;

}  // namespace muster
