// SPDX-License-Identifier: Apache-2.0
// VersionPolicy: which versions of a model are wanted, and the next step towards serving them.
// Pure.
//
// The order keeps the model answering: a wanted version is loaded before one that is no longer
// wanted goes, and one that runs stays until its successor runs.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include <muster/model.h>

namespace muster {

// Of the versions that are there (in any order), those that the choice names, ascending. kNotFound
// where there are none.
[[nodiscard]] Result<std::vector<std::int64_t>> wanted_versions(
    const VersionChoice& choice, std::span<const std::int64_t> available);

struct VersionSnapshot {
  std::int64_t version = 0;
  bool wanted = false;
  bool running = false;  // it answers requests
  bool current = false;  // what runs is what is wanted: these files, this configuration
  bool failed = false;   // to load just that was tried and did not work
};

struct VersionStep {
  enum class Kind : std::uint8_t { kLoad, kUnload };
  Kind kind;
  std::int64_t version;
};

// Nothing: what is wanted runs, or has failed. Loads go first, newest first; then, where a wanted
// version runs or none is wanted, what is not wanted is unloaded, oldest first.
[[nodiscard]] std::optional<VersionStep> next_step(std::span<const VersionSnapshot> versions);

}  // namespace muster
