// SPDX-License-Identifier: Apache-2.0
#include "metrics/instruments.h"

#include <algorithm>

namespace muster {

void SizeHistogram::record(std::int64_t size) noexcept {
  const auto bounded = static_cast<std::uint64_t>(std::max<std::int64_t>(size, 0));
  if (bounded <= kExactSizes) {
    exact_[bounded].add();
  } else {
    powers_[static_cast<std::size_t>(std::bit_width(bounded)) - 1].add();
  }
}

std::map<std::int64_t, std::uint64_t> SizeHistogram::counts() const {
  std::map<std::int64_t, std::uint64_t> counts;
  for (std::size_t i = 0; i < exact_.size(); ++i) {
    if (exact_[i].value() > 0) counts[static_cast<std::int64_t>(i)] = exact_[i].value();
  }
  for (std::size_t i = 0; i < powers_.size(); ++i) {
    if (powers_[i].value() > 0) counts[std::int64_t{1} << i] += powers_[i].value();
  }
  return counts;
}

}  // namespace muster
