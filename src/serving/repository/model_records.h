// SPDX-License-Identifier: Apache-2.0
// What ModelKeeper knows of each model: what is wanted, what runs, what is being done. Plain values
// under the keeper's lock.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "inference/model_control.h"
#include "serving/model_folder.h"
#include "serving/repository/version_metrics.h"
#include "serving/repository/version_policy.h"

namespace muster {

inline constexpr std::size_t kMaxWaitingJobs = 64;  // of one model; more loads are refused
// Who asked for the loads of one model and is not answered yet; more loads are refused.
inline constexpr std::size_t kMaxWaitingCallers = 1024;
inline constexpr std::string_view kUnloadedReason = "unloaded";
// Of each model: versions that do not run any more and are still known, with what was counted.
inline constexpr std::size_t kMaxPastVersions = 8;

// One look at a model's folder: the versions that are wanted, each with a stamp of the files and
// the configuration that it is to be loaded from.
struct ModelPlan {
  std::shared_ptr<const ModelFolder> folder;
  std::map<std::int64_t, std::uint64_t> stamps;
};

struct ModelJob {
  enum class Kind : std::uint8_t {
    kFollow,  // bring in line with the disk what has changed there
    kLoad,    // load all that is wanted anew
    kUnload,
  };
  Kind kind = Kind::kFollow;
  std::string config_json;                    // kLoad: stands above config.pbtxt; "" = nothing does
  std::vector<ModelControl::Done> done = {};  // of all who asked for it
  bool looked = false;                        // the model's plan is this job's
  // It took the place of one that had not ended: no other load takes its own.
  bool took_over = false;
  // Of one that waits and wants what the one at hand wants. Until the folder has been looked at for
  // it nobody knows whether that is the same, and neither gives way. 0 = it is not so.
  std::uint64_t comparison = 0;
};

struct Preparing;  // loading.h

struct VersionRecord {
  ModelState state = ModelState::kUnknown;
  std::string reason;              // of kUnavailable
  std::uint64_t instance = 0;      // of what runs; 0 = nothing
  bool stands_in = false;          // what runs is a stand-in
  std::uint64_t loaded_stamp = 0;  // of what runs; 0 = it is to be replaced whatever its stamp
  std::uint64_t failed_stamp = 0;  // of what was tried in vain; 0 = nothing
  Status failure;                  // of the newest try
  std::size_t draining = 0;        // instances that are being unloaded
  std::chrono::nanoseconds load_time{0};
  std::string runtime;  // of what was loaded last, with its accelerators
  std::shared_ptr<VersionMetrics> metrics = std::make_shared<VersionMetrics>();
  ModelPreparation preparation;          // as it is told
  std::shared_ptr<Preparing> preparing;  // what is under way; null = nothing
};

struct ModelRecord {
  std::string name;
  std::deque<ModelJob> waiting;
  std::optional<ModelJob> current;
  bool busy = false;              // a thread looks or loads for `current`
  std::stop_source give_up;       // ends the load at hand, if it can be ended
  std::optional<ModelPlan> plan;  // nothing: no version is wanted
  std::string config_json;        // kept by later loads until the model is unloaded
  Status failure;                 // of the newest look
  std::map<std::int64_t, VersionRecord> versions;
  // Polling: the whole folder's stamp when it was seen last, and when it was last followed. 0 = it
  // was not there.
  std::uint64_t seen_stamp = 0;
  std::uint64_t followed_stamp = 0;
};

[[nodiscard]] Status no_such_model(std::string_view name);

// What the policy is asked with.
[[nodiscard]] std::vector<VersionSnapshot> snapshot_of(const ModelRecord& model);
// Some version of it runs on its own backend, and not on a stand-in.
[[nodiscard]] bool runs_its_own(const ModelRecord& model);
// After a look, or after all is unloaded: which versions are shown as what.
void mark_wanted(ModelRecord& model);
// Keeps the newest kMaxPastVersions of those that neither run nor are wanted: a model that gets a
// new version every hour must not fill index, metrics page and memory with what it once was.
void forget_past_versions(ModelRecord& model);
// Puts a job behind those that wait, or in the place of the last, where that is a load of which it
// leaves nothing: who asked for that one is answered by this one.
void put_in_line(ModelRecord& model, ModelJob job);
// Not ok where one more load is too many.
[[nodiscard]] Status why_no_more_loads(const ModelRecord& model);
// Whether the first job that waits asks for what the job at hand brings, unless files have changed.
[[nodiscard]] bool wants_the_same(const ModelRecord& model);
// Whether the job at hand gives way to those that wait: to an unload, or to a load on request that
// leaves nothing of what it brings; but only where it did not take the place of another itself.
// Where loads are asked for faster than one is done, every second one is done all the same.
[[nodiscard]] bool is_superseded(const ModelRecord& model);
[[nodiscard]] bool unload_waits(const ModelRecord& model);
// Versions that were to be loaded are not any more: unloaded, where an unload waits.
void mark_given_up(ModelRecord& model, const Status& why);
// Whether a wanted version is still to be loaded that has not failed.
[[nodiscard]] bool is_unfinished(const ModelRecord& model);
// What was wanted of it is there. Of a model that nobody asked for: true.
[[nodiscard]] bool is_as_wanted(const ModelRecord& model);
// How the job at hand ended: the first failure of what is wanted.
[[nodiscard]] Status outcome_of(const ModelRecord& model);
// Appends its entries of the index; none where nobody asked for it.
void append_index(const ModelRecord& model, bool ready_only, std::vector<ModelIndexEntry>& index);
// Why a version (0: any) does not answer; ok where it does by now.
[[nodiscard]] Status why_not_ready(const ModelRecord& model, std::int64_t version);

// The protocol's statistics of one version.
[[nodiscard]] ModelStatistics statistics_of(const std::string& name, std::int64_t version,
                                            const VersionMetrics& counted);

}  // namespace muster
