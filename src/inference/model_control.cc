// SPDX-License-Identifier: Apache-2.0
#include "inference/model_control.h"

#include <array>

namespace muster {

std::string_view model_state_name(ModelState state) noexcept {
  static constexpr std::array<std::string_view, 5> kNames = {"", "LOADING", "READY", "UNLOADING",
                                                             "UNAVAILABLE"};
  const auto index = static_cast<std::size_t>(state);
  return index < kNames.size() ? kNames[index] : "";
}

std::string_view preparation_state_name(PreparationState state) noexcept {
  static constexpr std::array<std::string_view, kPreparationStateCount> kNames = {
      "none", "waiting", "building", "loading", "verifying", "in_use", "failed", "differs"};
  const auto index = static_cast<std::size_t>(state);
  return index < kNames.size() ? kNames[index] : "";
}

}  // namespace muster
