// SPDX-License-Identifier: Apache-2.0
#include "serving/repository/version_policy.h"

#include <algorithm>
#include <string>

namespace muster {

Result<std::vector<std::int64_t>> wanted_versions(const VersionChoice& choice,
                                                  std::span<const std::int64_t> available) {
  std::vector<std::int64_t> wanted(available.begin(), available.end());
  if (wanted.empty()) {
    return not_found("there is no version folder; put the model file into a folder named 1");
  }
  std::ranges::sort(wanted);
  if (choice.kind == VersionChoice::Kind::kLatest) {
    const auto kept = static_cast<std::size_t>(std::max<std::int64_t>(1, choice.latest));
    if (wanted.size() > kept) wanted.erase(wanted.begin(), wanted.end() - std::ptrdiff_t(kept));
  } else if (choice.kind == VersionChoice::Kind::kSpecific) {
    const std::int64_t newest = wanted.back();
    std::erase_if(wanted, [&](std::int64_t version) {
      return std::ranges::find(choice.specific, version) == choice.specific.end();
    });
    if (wanted.empty()) {
      return not_found(
          "version_policy.specific names none of the versions that are there; the newest is " +
          std::to_string(newest));
    }
  }
  return wanted;
}

std::optional<VersionStep> next_step(std::span<const VersionSnapshot> versions) {
  const VersionSnapshot* load = nullptr;
  const VersionSnapshot* unload = nullptr;
  bool any_wanted = false;
  bool wanted_runs = false;
  for (const VersionSnapshot& candidate : versions) {
    if (candidate.wanted) {
      any_wanted = true;
      wanted_runs = wanted_runs || candidate.running;
      if (candidate.failed || (candidate.running && candidate.current)) continue;
      if (load == nullptr || candidate.version > load->version) load = &candidate;
    } else if (candidate.running) {
      if (unload == nullptr || candidate.version < unload->version) unload = &candidate;
    }
  }
  if (load != nullptr) return VersionStep{VersionStep::Kind::kLoad, load->version};
  if (unload != nullptr && (wanted_runs || !any_wanted)) {
    return VersionStep{VersionStep::Kind::kUnload, unload->version};
  }
  return std::nullopt;
}

}  // namespace muster
