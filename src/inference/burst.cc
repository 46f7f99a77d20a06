// SPDX-License-Identifier: Apache-2.0
#include "inference/burst.h"

#include <algorithm>
#include <utility>

namespace muster {

void Burst::tell(std::shared_ptr<Listener> listener) {
  if (std::ranges::find(listeners_, listener) == listeners_.end())
    listeners_.push_back(std::move(listener));
}

bool Burst::end() {
  bool refused = false;
  for (const auto& listener : listeners_)
    refused |= listener->burst_ended();
  listeners_.clear();
  return refused;
}

}  // namespace muster
