// SPDX-License-Identifier: Apache-2.0
// How often something stands on a page.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace muster {

inline std::size_t times(const std::string& page, std::string_view word) {
  std::size_t count = 0;
  for (std::size_t at = page.find(word); at != std::string::npos; at = page.find(word, at + 1))
    ++count;
  return count;
}

}  // namespace muster
