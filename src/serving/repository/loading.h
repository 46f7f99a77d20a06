// SPDX-License-Identifier: Apache-2.0
// One version on its way, and what is compiled for one: what ModelKeeper's threads hand each other.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>

#include <muster/backend.h>

#include "base/clock.h"
#include "base/temporary_folder.h"
#include "serving/model_folder.h"
#include "serving/repository/model_records.h"
#include "serving/repository/version_metrics.h"

namespace muster {

// Belongs to one thread at a time.
struct Loading {
  ModelRecord& record;  // stays where it is; only its lock's holder looks into it
  std::string name;
  std::int64_t version;
  std::uint64_t stamp;
  std::uint64_t instance;
  bool replaces;      // a version that runs
  bool may_stand_in;  // nothing of the model runs that a stand-in would take the place of
  std::shared_ptr<const ModelFolder> folder;
  std::shared_ptr<VersionMetrics> metrics;
  Clock::TimePoint begun;
  std::stop_token give_up;
  ModelFolder::Choice choice = {};
  std::shared_ptr<Backend> backend = {};
  bool asked = false;                      // whether its backend must compile first
  bool compiled = false;                   // what it must was compiled for this load
  std::shared_ptr<Backend> stand_in = {};  // loads it in place of its own; null: none does
  std::string stand_in_file = {};          // from which
  std::shared_ptr<const TemporaryFolder> cache = {};  // in place of the server's, which has none

  [[nodiscard]] std::string text() const {
    return "model '" + name + "' version " + std::to_string(version);
  }
};

// What is compiled for a version, on the builder's thread: with a stand-in that serves meanwhile
// (`aside`), or before the load can go on.
//
//   waiting -> building -> (aside: loading -> verifying ->) end
//
// It is given up where `own->give_up` says so, and that is said and asked under the keeper's lock.
struct Preparing {
  Preparing(std::shared_ptr<Loading> loading, bool beside, std::stop_source source = {})
      : own(std::move(loading)), aside(beside), stop(std::move(source)) {}

  const std::shared_ptr<Loading> own;  // of what is loaded when it is compiled
  const bool aside;
  std::stop_source stop;              // aside: what own->give_up belongs to
  std::atomic<bool> telling = false;  // a note of its progress is on its way
  int told_quarters = 0;              // in the log; of the thread that takes the notes

  [[nodiscard]] bool given_up() const noexcept { return own->give_up.stop_requested(); }
};

}  // namespace muster
