// SPDX-License-Identifier: Apache-2.0
// The keys that an object may have, and which of them it had.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>
#include <utility>

#include <muster/status.h>

#include "base/text.h"

namespace muster {

// Each known key may stand once; others are nobody's business here.
template <std::size_t N>
class KnownKeys {
 public:
  explicit KnownKeys(const std::array<std::string_view, N>& keys) noexcept : keys_(keys) {}

  // 1 for the first key, and so on; 0 for one that is not known.
  Result<std::size_t> place_of(std::string_view key) {
    for (std::size_t i = 0; i < N; ++i) {
      if (keys_[i] != key) continue;
      if (std::exchange(seen_[i], true)) {
        return invalid_argument("the key '" + printable(key) + "' stands twice in one object");
      }
      return i + 1;
    }
    return std::size_t{0};
  }

 private:
  const std::array<std::string_view, N>& keys_;
  std::array<bool, N> seen_ = {};
};

}  // namespace muster
