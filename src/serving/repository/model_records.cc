// SPDX-License-Identifier: Apache-2.0
#include "serving/repository/model_records.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/text.h"

namespace muster {
namespace {

bool wanted(const ModelRecord& model, std::int64_t version) {
  return model.plan && model.plan->stamps.contains(version);
}

// Without an override of its own a load takes over what the one before has, if that works.
bool leaves_nothing(const ModelJob& newer, std::string_view kept, const ModelJob& older) {
  return newer.kind == ModelJob::Kind::kLoad &&
         (!newer.config_json.empty() || older.config_json == kept);
}

DurationSum sum_of(const DurationTotal& total) {
  return {total.count(), total.total()};
}

DurationSum sum_of(const DurationHistogram& histogram) {
  const DurationHistogram::Snapshot snapshot = histogram.snapshot();
  return {snapshot.count(), snapshot.total};
}

}  // namespace

Status no_such_model(std::string_view name) {
  return not_found("there is no model '" + printable(name) + "'");
}

std::vector<VersionSnapshot> snapshot_of(const ModelRecord& model) {
  std::vector<VersionSnapshot> versions;
  for (const auto& [version, record] : model.versions) {
    VersionSnapshot snapshot;
    snapshot.version = version;
    snapshot.running = record.instance != 0;
    if (wanted(model, version)) {
      const std::uint64_t stamp = model.plan->stamps.at(version);
      snapshot.wanted = true;
      snapshot.current = record.loaded_stamp == stamp;
      snapshot.failed = record.failed_stamp == stamp;
    }
    versions.push_back(snapshot);
  }
  return versions;
}

bool runs_its_own(const ModelRecord& model) {
  return std::ranges::any_of(model.versions, [](const auto& version) {
    return version.second.instance != 0 && !version.second.stands_in;
  });
}

void mark_wanted(ModelRecord& model) {
  if (model.plan) {
    for (const auto& [version, stamp] : model.plan->stamps) {
      VersionRecord& record = model.versions[version];
      if (record.instance == 0 && record.failed_stamp != stamp) record.state = ModelState::kLoading;
    }
  }
  for (auto& [version, record] : model.versions) {
    const bool failed = record.state == ModelState::kUnavailable && !record.failure.ok();
    // Nobody wants to hear any more of what once failed and is not there now.
    if (!wanted(model, version) && failed) record.state = ModelState::kUnknown;
  }
}

void forget_past_versions(ModelRecord& model) {
  std::size_t past = 0;
  for (auto entry = model.versions.end(); entry != model.versions.begin();) {
    --entry;
    const VersionRecord& record = entry->second;
    const bool is_past =
        !wanted(model, entry->first) && record.instance == 0 && record.draining == 0;
    if (is_past && ++past > kMaxPastVersions) entry = model.versions.erase(entry);
  }
}

void put_in_line(ModelRecord& model, ModelJob job) {
  // One that waits has no override but its own: what it will take over is not known yet.
  if (!model.waiting.empty() && model.waiting.back().kind == ModelJob::Kind::kLoad &&
      leaves_nothing(job, "", model.waiting.back())) {
    ModelJob& older = model.waiting.back();
    older.done.insert(older.done.end(), std::make_move_iterator(job.done.begin()),
                      std::make_move_iterator(job.done.end()));
    job.done = std::move(older.done);
    older = std::move(job);
  } else {
    model.waiting.push_back(std::move(job));
  }
}

Status why_no_more_loads(const ModelRecord& model) {
  std::size_t callers = model.current ? model.current->done.size() : 0;
  for (const ModelJob& job : model.waiting)
    callers += job.done.size();
  const bool many_jobs = model.waiting.size() >= kMaxWaitingJobs;
  if (!many_jobs && callers < kMaxWaitingCallers) return {};
  const std::string name = "model '" + printable(model.name) + "' has ";
  return resource_exhausted(
      many_jobs ? name + std::to_string(kMaxWaitingJobs) + " loads and unloads to do already"
                : name + std::to_string(kMaxWaitingCallers) + " loads to answer already");
}

bool wants_the_same(const ModelRecord& model) {
  if (!model.current || model.waiting.empty()) return false;
  const ModelJob& job = *model.current;
  const ModelJob& next = model.waiting.front();
  return job.kind == ModelJob::Kind::kLoad && next.kind == ModelJob::Kind::kLoad &&
         job.config_json == (next.config_json.empty() ? model.config_json : next.config_json);
}

// Loads of what has changed on disk take nobody's place: files that change more often than they can
// be loaded would never be.
bool is_superseded(const ModelRecord& model) {
  if (!model.current || model.waiting.empty()) return false;
  const ModelJob& job = *model.current;
  const ModelJob& next = model.waiting.front();
  if (job.kind == ModelJob::Kind::kUnload) return false;
  if (unload_waits(model)) return true;
  return !job.took_over && next.comparison == 0 && leaves_nothing(next, model.config_json, job);
}

bool unload_waits(const ModelRecord& model) {
  return std::ranges::find(model.waiting, ModelJob::Kind::kUnload, &ModelJob::kind) !=
         model.waiting.end();
}

void mark_given_up(ModelRecord& model, const Status& why) {
  const bool unloaded = unload_waits(model);
  for (auto& [version, record] : model.versions) {
    if (record.state != ModelState::kLoading) continue;
    record.state = ModelState::kUnavailable;
    record.reason = std::string(unloaded ? kUnloadedReason : why.message());
    record.failure = unloaded ? Status() : Status(why);
  }
}

bool is_unfinished(const ModelRecord& model) {
  const auto step = next_step(snapshot_of(model));
  return step && step->kind == VersionStep::Kind::kLoad;
}

bool is_as_wanted(const ModelRecord& model) {
  if (model.current || !model.failure.ok()) return false;
  if (!model.plan) return true;
  for (const auto& [version, stamp] : model.plan->stamps) {
    const auto record = model.versions.find(version);
    if (record == model.versions.end() || record->second.state != ModelState::kReady) return false;
  }
  return true;
}

Status outcome_of(const ModelRecord& model) {
  if (!model.failure.ok()) return model.failure;
  if (!model.plan) return {};
  for (const auto& [version, stamp] : model.plan->stamps) {
    const auto record = model.versions.find(version);
    if (record != model.versions.end() && record->second.failed_stamp == stamp) {
      return record->second.failure;
    }
  }
  return {};
}

void append_index(const ModelRecord& model, bool ready_only, std::vector<ModelIndexEntry>& index) {
  bool any = false;
  for (const auto& [version, record] : model.versions) {
    if (record.state == ModelState::kUnknown) continue;
    any = true;
    if (ready_only && record.state != ModelState::kReady) continue;
    index.push_back({model.name, version, record.state,
                     record.state == ModelState::kUnavailable ? record.reason : std::string()});
  }
  if (any || ready_only) return;
  if (!model.failure.ok()) {
    index.push_back(
        {model.name, 0, ModelState::kUnavailable, std::string(model.failure.message())});
  } else if (model.current && model.current->kind != ModelJob::Kind::kUnload) {
    index.push_back({model.name, 0, ModelState::kLoading, ""});
  }
}

Status why_not_ready(const ModelRecord& model, std::int64_t version) {
  const std::string name = "model '" + printable(model.name) + "'";
  bool any = false;
  for (auto entry = model.versions.rbegin(); entry != model.versions.rend(); ++entry) {
    const VersionRecord& record = entry->second;
    if (record.state == ModelState::kUnknown) continue;
    any = true;
    if (version != 0 && entry->first != version) continue;
    if (record.state == ModelState::kLoading) return unavailable(name + " is still being loaded");
    if (record.state == ModelState::kUnloading) return unavailable(name + " is being unloaded");
    if (record.state == ModelState::kReady) return {};
    return unavailable(name + " is not ready: " + record.reason);
  }
  if (any) return not_found("there is no version " + std::to_string(version) + " of " + name);
  if (!model.failure.ok()) {
    return unavailable(name + " is not ready: " + std::string(model.failure.message()));
  }
  if (model.current && model.current->kind != ModelJob::Kind::kUnload) {
    return unavailable(name + " is still being loaded");
  }
  return not_found(name + " is not loaded");
}

ModelStatistics statistics_of(const std::string& name, std::int64_t version,
                              const VersionMetrics& counted) {
  const BatchingMetrics& batching = counted.batching;
  ModelStatistics statistics;
  statistics.name = name;
  statistics.version = version;
  statistics.last_inference = std::chrono::milliseconds(batching.last_batch.value());
  statistics.rows = batching.rows.value();
  for (const Counter& closed : batching.batches_by_reason)
    statistics.batches += closed.value();
  statistics.success = sum_of(batching.succeeded);
  statistics.failure = sum_of(batching.failed);
  statistics.cancelled = sum_of(batching.cancelled);
  statistics.queue = sum_of(batching.queue);
  statistics.gather = sum_of(batching.gather);
  statistics.compute = sum_of(batching.compute);
  statistics.scatter = sum_of(batching.scatter);
  batching.stages_by_rows.for_each([&](std::int64_t rows, const BatchStages& stages) {
    if (stages.compute.count() == 0) return;
    statistics.by_batch_size.push_back(
        {rows, sum_of(stages.gather), sum_of(stages.compute), sum_of(stages.scatter)});
  });
  return statistics;
}

}  // namespace muster
