// SPDX-License-Identifier: Apache-2.0
#include "load_generation/scenario.h"

#include <array>

namespace muster {
namespace {

constexpr std::array<std::string_view, 4> kNames = {"Offline", "Server", "SingleStream",
                                                    "MultiStream"};

std::string plain(std::string_view name) {
  std::string text;
  for (const char c : name) {
    if (c != '-') text += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return text;
}

}  // namespace

std::optional<Scenario> parse_scenario(std::string_view name) {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (plain(kNames[i]) == plain(name)) return static_cast<Scenario>(i);
  }
  return std::nullopt;
}

std::string_view scenario_name(Scenario scenario) noexcept {
  return kNames[static_cast<std::size_t>(scenario)];
}

}  // namespace muster
