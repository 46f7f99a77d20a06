// SPDX-License-Identifier: Apache-2.0
#include "serving/repository/model_keeper.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "base/text.h"

namespace muster {
namespace {

// Two, so that one model that answers for long does not hold up the unloading of another.
constexpr std::size_t kUnloaders = 2;

void run_all(std::vector<std::function<void()>>& after) {
  for (const std::function<void()>& step : after)
    step();
  after.clear();
}

}  // namespace

ModelKeeper::ModelKeeper(ModelRepository repository, ModelRegistry& registry,
                         LocalServiceOptions options, Clock& clock)
    : repository_(std::move(repository)),
      options_(std::move(options)),
      registry_(registry),
      clock_(clock),
      backends_(options_.backends, {options_.thread_budget}),
      loaders_(options_.load_threads),
      builder_(1),
      starters_(1),
      unloaders_(kUnloaders) {
  builder_.lower_priority();
}

ModelKeeper::~ModelKeeper() {
  stop();
  if (poller_.joinable()) poller_.join();
  loaders_.finish();
  builder_.finish();
  starters_.finish();
  {
    const MutexLock lock(mutex_);
    unload_all();
  }
  unloaders_.finish();
}

Status ModelKeeper::begin() {
  MUSTER_ASSIGN_OR_RETURN(const std::vector<FoundModel> found, repository_.scan());
  const bool all = options_.control != ModelControlMode::kExplicit ||
                   std::ranges::find(options_.load_models, "*") != options_.load_models.end();
  for (const std::string& name : options_.load_models) {
    if (name != "*" && std::ranges::find(found, name, &FoundModel::name) == found.end()) {
      return no_such_model(name).with_context("load_models");
    }
  }
  Afterwards after;
  {
    const MutexLock lock(mutex_);
    for (const FoundModel& model : found) {
      const bool named =
          std::ranges::find(options_.load_models, model.name) != options_.load_models.end();
      if (!all && !named) continue;
      ModelRecord& record = record_of(model.name);
      record.seen_stamp = record.followed_stamp = model.stamp();
      enqueue(record, {}, after);
    }
    begun_ = true;
    settle_changed();
    if (options_.control == ModelControlMode::kPoll) {
      poller_ = std::thread([this] { keep_polling(); });
    }
  }
  run_all(after);
  return {};
}

ModelRecord& ModelKeeper::record_of(const std::string& name) {
  ModelRecord& record = models_[name];
  record.name = name;
  return record;
}

void ModelKeeper::settle_changed() {
  if (begun_ && working_ == 0 && !first_done_) {
    first_done_ = true;
    // Nobody's requests were slowed so far, and somebody waited for all of it.
    loaders_.lower_priority();
  }
  changed_.notify_all();
}

void ModelKeeper::enqueue(ModelRecord& model, ModelJob job, Afterwards& after) {
  if (!model.current && model.waiting.empty()) ++working_;
  put_in_line(model, std::move(job));
  // What has to give way does so, whatever is wanted later.
  if (wants_the_same(model) && !model.give_up.stop_requested()) {
    model.waiting.front().comparison = ++comparisons_;
    compare_next(model);
  }
  if (is_superseded(model)) give_up(model);
  advance(model, after);
}

void ModelKeeper::advance(ModelRecord& model, Afterwards& after) {
  while (!model.busy) {
    if (!model.current) {
      if (model.waiting.empty()) return;
      begin_job(model);
      continue;
    }
    const bool goes_on = !stopping_ && !is_superseded(model);
    const auto step = goes_on ? next_step(snapshot_of(model)) : std::nullopt;
    if (!step) {
      end_job(model, outcome_of(model), after);
    } else if (step->kind == VersionStep::Kind::kLoad) {
      begin_load(model, step->version);
    } else {
      unload_version(model, step->version);
    }
  }
}

void ModelKeeper::begin_job(ModelRecord& model) {
  model.current = std::move(model.waiting.front());
  model.waiting.pop_front();
  model.give_up = std::stop_source();
  if (model.current->kind == ModelJob::Kind::kUnload) {
    model.plan.reset();
    model.config_json.clear();
    model.failure = {};
    mark_wanted(model);
    return;
  }
  if (model.current->config_json.empty()) model.current->config_json = model.config_json;
  model.busy = true;
  // The record stays where it is, and so do the job and its configuration while the model is busy.
  loaders_.post(
      [this, &model, name = model.name, job = &*model.current] { look(model, name, *job); });
}

Status ModelKeeper::why_given_up(const ModelRecord& model) const {
  if (stopping_) return unavailable("the server is stopping");
  return unavailable(unload_waits(model) ? "its load was given up for an unload"
                                         : "its load was given up for a newer one");
}

Status ModelKeeper::give_up_job(ModelRecord& model, ModelJob& job) {
  Status why = why_given_up(model);
  mark_given_up(model, why);
  if (!model.waiting.empty() && !unload_waits(model)) {
    // Who asked for this load is answered by the one that takes its place.
    ModelJob& newer = model.waiting.front();
    job.done.insert(job.done.end(), std::make_move_iterator(newer.done.begin()),
                    std::make_move_iterator(newer.done.end()));
    newer.done = std::exchange(job.done, {});
  }
  return why;
}

void ModelKeeper::end_job(ModelRecord& model, Status outcome, Afterwards& after) {
  const bool ends_early = stopping_ || is_superseded(model);
  ModelJob job = std::move(*model.current);
  model.current.reset();
  if (ends_early && is_unfinished(model)) {
    if (!model.waiting.empty()) model.waiting.front().took_over = true;
    if (outcome.ok()) outcome = give_up_job(model, job);
  }
  // An override that did not work is not kept.
  if (outcome.ok() && job.kind == ModelJob::Kind::kLoad) {
    model.config_json = std::move(job.config_json);
  }
  forget_past_versions(model);
  if (!job.done.empty()) {
    after.push_back([all = std::move(job.done), outcome = std::move(outcome)] {
      for (const ModelControl::Done& done : all)
        done(outcome);
    });
  }
  if (model.waiting.empty()) {
    --working_;
    settle_changed();
  }
}

void ModelKeeper::unload_version(ModelRecord& model, std::int64_t version) {
  VersionRecord& record = model.versions[version];
  record.state = ModelState::kUnloading;
  record.reason = kUnloadedReason;
  record.failure = {};
  record.instance = 0;
  record.loaded_stamp = 0;
  ++record.draining;
  give_up_preparing(record);
  registry_.remove(model.name, version);
  log(LogLevel::kInfo,
      "model '" + model.name + "' version " + std::to_string(version) + " is being unloaded");
}

std::vector<ModelIndexEntry> ModelKeeper::await_first() {
  std::vector<ModelIndexEntry> failed;
  MutexLock lock(mutex_);
  while (!first_done_ && !stopping_)
    changed_.wait(lock);
  for (const auto& [name, model] : models_)
    append_index(model, false, failed);
  std::erase_if(failed, [](const ModelIndexEntry& entry) {
    return entry.state != ModelState::kUnavailable || entry.reason == kUnloadedReason;
  });
  return failed;
}

void ModelKeeper::await_settled() {
  MutexLock lock(mutex_);
  while (working_ > 0 || draining() > 0)
    changed_.wait(lock);
}

void ModelKeeper::keep_polling() {
  MutexLock lock(mutex_);
  while (!stopping_) {
    const auto pause =
        unsettled_ ? std::min<std::chrono::milliseconds>(kSettleTime, options_.poll_interval)
                   : options_.poll_interval;
    const Clock::TimePoint next = add_saturating(clock_.now(), pause);
    while (!stopping_ && clock_.now() < next)
      clock_.wait_until(poll_now_, lock, next);
    if (stopping_) return;
    lock.unlock();
    poll();
    lock.lock();
  }
}

void ModelKeeper::poll() {
  const MutexLock one_look(polling_);
  const auto found = repository_.scan();
  if (!found.ok()) {
    log(LogLevel::kWarning, found.status().message());
    return;
  }
  Afterwards after;
  {
    const MutexLock lock(mutex_);
    if (stopping_) return;
    follow(*found, after);
  }
  run_all(after);
}

void ModelKeeper::follow(const std::vector<FoundModel>& found, Afterwards& after) {
  unsettled_ = false;
  const auto look_at = [&](ModelRecord& model, std::uint64_t stamp) MUSTER_REQUIRES(mutex_) {
    if (stamp == model.followed_stamp) {
      model.seen_stamp = stamp;
    } else if (stamp != model.seen_stamp) {
      model.seen_stamp = stamp;
      unsettled_ = true;
    } else {
      model.followed_stamp = stamp;
      ModelJob job;
      job.kind = stamp == 0 ? ModelJob::Kind::kUnload : ModelJob::Kind::kFollow;
      // One that waits will look at the folder as it is then.
      if (model.waiting.empty() || model.waiting.back().kind != job.kind) {
        enqueue(model, std::move(job), after);
      }
    }
  };
  for (const FoundModel& model : found) {
    const bool known = models_.contains(model.name);
    ModelRecord& record = record_of(model.name);
    // Of a model that is new, not even its absence has been seen.
    if (!known) record.seen_stamp = 0;
    look_at(record, model.stamp());
  }
  for (auto& [name, model] : models_) {
    if (std::ranges::find(found, name, &FoundModel::name) == found.end()) look_at(model, 0);
  }
}

void ModelKeeper::load(std::string name, std::optional<std::string> config_json,
                       ModelControl::Done done) {
  Status refusal;
  if (options_.control != ModelControlMode::kExplicit) {
    refusal = unavailable(
        "models are not loaded on request in this mode; start the server with "
        "--model-control explicit");
  } else {
    refusal = repository_.check(name);
  }
  Afterwards after;
  {
    const MutexLock lock(mutex_);
    if (refusal.ok() && stopping_) refusal = unavailable("the server is stopping");
    if (refusal.ok()) refusal = why_no_more_loads(record_of(name));
    if (refusal.ok()) {
      ModelJob job;
      job.kind = ModelJob::Kind::kLoad;
      job.config_json = std::move(config_json).value_or("");
      job.done.push_back(std::move(done));
      enqueue(record_of(name), std::move(job), after);
    }
  }
  run_all(after);
  if (!refusal.ok()) done(std::move(refusal));
}

Status ModelKeeper::unload(std::string_view name) {
  if (options_.control != ModelControlMode::kExplicit) {
    return unavailable(
        "models are not unloaded on request in this mode; start the server with "
        "--model-control explicit");
  }
  Afterwards after;
  {
    const MutexLock lock(mutex_);
    if (stopping_) return unavailable("the server is stopping");
    const auto found = models_.find(name);
    if (found == models_.end()) return {};
    const std::deque<ModelJob>& waiting = found->second.waiting;
    if (!waiting.empty() && waiting.back().kind == ModelJob::Kind::kUnload) return {};
    ModelJob job;
    job.kind = ModelJob::Kind::kUnload;
    enqueue(found->second, std::move(job), after);
  }
  run_all(after);
  return {};
}

void ModelKeeper::stop() {
  Afterwards after;
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
    poll_now_.notify_all();
    changed_.notify_all();
    for (auto& [name, model] : models_) {
      for (ModelJob& job : model.waiting) {
        after.push_back([all = std::move(job.done)] {
          for (const ModelControl::Done& done : all)
            done(unavailable("the server is stopping"));
        });
      }
      // The job at hand is ended by the thread that comes back from it.
      model.waiting.clear();
      give_up(model);
      for (auto& [version, record] : model.versions)
        give_up_preparing(record);
    }
  }
  run_all(after);
}

bool ModelKeeper::drain(std::chrono::milliseconds limit) {
  const Clock::TimePoint end = add_saturating(clock_.now(), limit);
  MutexLock lock(mutex_);
  drained_ = true;
  unload_all();
  while (draining() > 0) {
    if (clock_.now() >= end) return false;
    clock_.wait_until(changed_, lock, end);
  }
  return true;
}

void ModelKeeper::unload_all() {
  for (auto& [name, model] : models_) {
    for (auto& [version, record] : model.versions) {
      if (record.instance != 0) unload_version(model, version);
    }
  }
}

std::size_t ModelKeeper::draining() const {
  std::size_t count = 0;
  for (const auto& [name, model] : models_) {
    for (const auto& [version, record] : model.versions)
      count += record.draining;
  }
  return count;
}

}  // namespace muster
