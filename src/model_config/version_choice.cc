// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <fmt/format.h>

#include "model_config/model_config.h"

namespace muster {

Result<std::int64_t> choose_version(const VersionChoice& choice,
                                    std::span<const std::int64_t> available) {
  if (available.empty()) {
    return not_found("there is no version folder; put the model file into a folder named 1");
  }
  if (choice.kind != VersionChoice::Kind::kSpecific) return std::ranges::max(available);

  for (auto wanted = choice.specific.rbegin(); wanted != choice.specific.rend(); ++wanted) {
    if (std::ranges::find(available, *wanted) != available.end()) return *wanted;
  }
  return not_found(fmt::format(
      "version_policy.specific names none of the versions that are there; the newest is {}",
      std::ranges::max(available)));
}

}  // namespace muster
