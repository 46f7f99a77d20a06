// SPDX-License-Identifier: Apache-2.0
#include "inference/burst.h"

#include <algorithm>
#include <utility>

namespace muster {

void Burst::tell(std::shared_ptr<Listener> listener) {
  if (std::ranges::find(listeners_, listener) == listeners_.end())
    listeners_.push_back(std::move(listener));
}

void Burst::end() {
  for (const auto& listener : listeners_)
    listener->burst_ended();
  listeners_.clear();
}

}  // namespace muster
