// SPDX-License-Identifier: Apache-2.0
// The part of ModelKeeper that runs on its background threads: looking at folders, loading,
// starting, unloading.
#include <algorithm>
#include <exception>
#include <iterator>
#include <string>
#include <utility>

#include "base/caught.h"
#include "base/log.h"
#include "base/memory/heap.h"
#include "base/text.h"
#include "serving/repository/fingerprint.h"
#include "serving/repository/model_keeper.h"
#include "serving/stand_in/stand_in.h"

namespace muster {
namespace {

// For warming up where clients wait for the model to be ready: at essential sizes, and at others. A
// first batch that is slow is better than none for as long as all of them together would take.
constexpr std::chrono::milliseconds kFirstEssential{10'000};
constexpr std::chrono::milliseconds kFirstWarmUp{500};
// At others where a version that runs answers them meanwhile; at essential sizes there is no limit.
constexpr std::chrono::milliseconds kReplacingWarmUp = std::chrono::minutes(10);

// What a model's folder holds itself, as a download often does, is its first version.
constexpr std::int64_t kOnlyVersion = 1;

// Of a load that was given up before it began.
Status not_begun() {
  return unavailable("its load was given up");
}

Result<std::unique_ptr<ServedModel>> load_caught(LoadOrder order, const Loading& loading,
                                                 Clock& clock) {
  try {
    if (loading.stand_in) return load_stand_in(std::move(order), loading.stand_in_file, clock);
    return ServedModel::load(std::move(order), clock);
  } catch (const std::exception& error) {
    return internal_error(std::string("it could not be loaded: ") + error.what());
  }
}

Result<ModelPlan> look_for_plan(const ModelRepository& repository, const std::string& name,
                                const std::string& config_json) {
  MUSTER_ASSIGN_OR_RETURN(const FoundModel found, repository.find(name));
  MUSTER_RETURN_IF_ERROR(Status(found.fault));
  MUSTER_ASSIGN_OR_RETURN(ModelFolder folder,
                          ModelFolder::open_within(found.path, found.repository));
  std::uint64_t config_stamp = found.config_stamp;
  if (!config_json.empty()) {
    MUSTER_RETURN_IF_ERROR(folder.put_above(config_json));
    config_stamp = combined(config_stamp, std::hash<std::string>{}(config_json));
  }
  ModelPlan plan;
  if (found.versions.empty() && folder.choose(0).ok()) {
    plan.stamps[kOnlyVersion] = config_stamp;
  } else {
    std::vector<std::int64_t> available;
    for (const FoundVersion& version : found.versions)
      available.push_back(version.version);
    MUSTER_ASSIGN_OR_RETURN(const auto wanted,
                            wanted_versions(folder.config().config().versions, available));
    for (const FoundVersion& version : found.versions) {
      if (std::ranges::find(wanted, version.version) == wanted.end()) continue;
      plan.stamps[version.version] = combined(config_stamp, version.stamp);
    }
  }
  plan.folder = std::make_shared<const ModelFolder>(std::move(folder));
  return plan;
}

}  // namespace

void ModelKeeper::look(ModelRecord& model, const std::string& name, const ModelJob& job) {
  // A thread of low priority must never hold the lock: whoever waits for it would be as slow.
  starters_.post(
      [this, &model, plan = plan_for(name, job.config_json)] { take_plan(model, plan); });
}

Result<ModelPlan> ModelKeeper::plan_for(const std::string& name,
                                        const std::string& config_json) const {
  try {
    return look_for_plan(repository_, name, config_json);
  } catch (const std::exception& error) {
    return internal_error(std::string("its folder could not be looked at: ") + error.what());
  }
}

void ModelKeeper::take_plan(ModelRecord& model, Result<ModelPlan> plan) {
  Afterwards after;
  {
    const MutexLock lock(mutex_);
    model.busy = false;
    if (!plan.ok()) {
      // What runs stays as it is.
      log(LogLevel::kError, "model '" + model.name + "': " + std::string(plan.status().message()));
      if (model.current->kind == ModelJob::Kind::kFollow || !model.plan) {
        model.failure = plan.status();
      }
      end_job(model, plan.status(), after);
    } else {
      model.failure = {};
      model.plan = *std::move(plan);
      model.current->looked = true;
      compare_next(model);
      if (model.current->kind == ModelJob::Kind::kLoad) {
        for (const auto& [version, stamp] : model.plan->stamps) {
          model.versions[version].loaded_stamp = 0;
          model.versions[version].failed_stamp = 0;
        }
      }
      mark_wanted(model);
    }
    advance(model, after);
  }
  for (const auto& step : after)
    step();
}

void ModelKeeper::compare_next(ModelRecord& model) {
  if (model.waiting.empty() || model.waiting.front().comparison == 0) return;
  if (!model.current || !model.current->looked) return;
  // Not on a thread that loads: all of these may be taken by what this is to end.
  starters_.post(
      [this, &model, comparison = model.waiting.front().comparison, name = model.name,
       config = model.current->config_json] { compare(model, comparison, name, config); });
}

void ModelKeeper::compare(ModelRecord& model, std::uint64_t comparison, const std::string& name,
                          const std::string& config_json) {
  const auto is_over = [&] {
    return model.waiting.empty() || model.waiting.front().comparison != comparison;
  };
  {
    const MutexLock lock(mutex_);
    if (is_over()) return;
  }
  const Result<ModelPlan> plan = plan_for(name, config_json);
  Afterwards after;
  {
    const MutexLock lock(mutex_);
    if (is_over()) return;
    ModelJob& next = model.waiting.front();
    if (plan.ok() && plan->stamps == model.plan->stamps) {
      std::ranges::move(next.done, std::back_inserter(model.current->done));
      model.waiting.pop_front();
    } else {
      next.comparison = 0;
      if (is_superseded(model)) give_up(model);
    }
    advance(model, after);
  }
  for (const auto& step : after)
    step();
}

void ModelKeeper::begin_load(ModelRecord& model, std::int64_t version) {
  VersionRecord& record = model.versions[version];
  model.busy = true;
  model.give_up = std::stop_source();
  const auto loading = std::make_shared<Loading>(
      Loading{model, model.name, version, model.plan->stamps.at(version), ++instances_,
              record.instance != 0, !runs_its_own(model), model.plan->folder, record.metrics,
              clock_.now(), model.give_up.get_token()});
  // First on a thread of usual priority: a backend that is opened may start threads.
  starters_.post([this, loading] {
    Status status = caught([&] { return prepare_load(*loading); });
    if (!status.ok()) return end_load(*loading, std::move(status));
    loaders_.post([this, loading] { load_version(loading); });
  });
}

Status ModelKeeper::prepare_load(Loading& loading) {
  const ModelFolder& folder = *loading.folder;
  MUSTER_ASSIGN_OR_RETURN(loading.choice,
                          folder.choose(folder.versions().empty() ? 0 : loading.version));
  loading.choice.version = loading.version;
  MUSTER_ASSIGN_OR_RETURN(loading.backend, backends_.open(loading.choice.backend));
  return {};
}

LoadOrder ModelKeeper::order_for(const Loading& loading) {
  LoadOrder order{*loading.folder, loading.choice,
                  loading.stand_in ? loading.stand_in : loading.backend, options_.service};
  if (loading.cache) order.options.compiled_cache = loading.cache->path().string();
  order.thread_budget = options_.thread_budget;
  order.warm_up = WarmUpExtent::kEverySize;
  order.warm_up_pace = loading.replaces ? WarmUpPace::kGentle : WarmUpPace::kQuick;
  order.warm_up_limit = loading.replaces ? kReplacingWarmUp : kFirstWarmUp;
  if (!loading.replaces) order.essential_limit = kFirstEssential;
  order.give_up = loading.give_up;
  order.metrics = loading.metrics;
  order.on_fault = [this, name = loading.name, version = loading.version,
                    instance = loading.instance](const std::string& reason) {
    take_out_of_service(name, version, instance, reason);
  };
  return order;
}

ModelKeeper::Loaded ModelKeeper::load_now(const Loading& loading) {
  if (loading.give_up.stop_requested()) return not_begun();
  return load_caught(order_for(loading), loading, clock_);
}

void ModelKeeper::load_version(const std::shared_ptr<Loading>& loading) {
  if (!loading->give_up.stop_requested() && !std::exchange(loading->asked, true) &&
      must_compile(*loading)) {
    starters_.post([this, loading] { stand_in_or_compile(loading); });
    return;
  }
  // A std::function must be copyable.
  const auto held = std::make_shared<Loaded>(load_now(*loading));
  if (!held->ok() && loading->stand_in && !loading->give_up.stop_requested()) {
    log(LogLevel::kWarning, loading->text() + ": nothing stands in while it is compiled: " +
                                std::string(held->status().message()));
    starters_.post([this, loading] { compile_first(loading); });
    return;
  }
  starters_.post([this, loading, held] { start_version(loading, std::move(*held)); });
}

void ModelKeeper::start_version(const std::shared_ptr<Loading>& loading, Loaded loaded) {
  if (!loaded.ok()) return end_load(*loading, loaded.status());
  std::unique_ptr<ServedModel> model = *std::move(loaded);
  if (is_outdone(*loading)) {
    let_go(std::move(model));
    return compile_first(loading);
  }
  Status started = caught([&] { return model->start(); });
  if (!started.ok()) return end_load(*loading, std::move(started));
  end_load(*loading, lease_on(std::move(model)));
}

void ModelKeeper::end_load(const Loading& loading, Result<ModelLease> outcome) {
  Afterwards after;
  {
    const MutexLock lock(mutex_);
    ModelRecord& model = loading.record;
    if (outcome.ok() && !stopping_) {
      note_loaded(loading, *std::move(outcome));
    } else if (loading.give_up.stop_requested()) {
      // Not a failure: what was tried may be tried again. The job's end says the rest.
      if (outcome.ok()) ++model.versions[loading.version].draining;
      if (loading.compiled) model.versions[loading.version].preparation = {};
      log(LogLevel::kInfo, loading.text() + ": " + std::string(why_given_up(model).message()));
    } else {
      note_failed(loading, outcome.status());
    }
    model.busy = false;
    advance(model, after);
  }
  for (const auto& step : after)
    step();
}

void ModelKeeper::note_loaded(const Loading& loading, ModelLease lease) {
  VersionRecord& record = loading.record.versions[loading.version];
  if (record.instance != 0) ++record.draining;
  record.state = ModelState::kReady;
  record.instance = loading.instance;
  record.loaded_stamp = loading.stamp;
  record.failed_stamp = 0;
  record.failure = {};
  record.load_time = clock_.now() - loading.begun;
  record.runtime = lease->description()->runtime;
  record.stands_in = loading.stand_in != nullptr;
  record.metrics->loads.add();
  registry_.put(loading.name, loading.version, std::move(lease));
  log(LogLevel::kInfo,
      loading.text() + " is ready" + (record.stands_in ? ", on " + record.runtime : ""));
  if (record.stands_in) return compile_aside(loading, record.runtime);
  give_up_preparing(record);
  record.preparation = {};
  if (loading.compiled) {
    record.preparation.state = PreparationState::kInUse;
    record.metrics->preparations_in_use.add();
  }
}

void ModelKeeper::note_failed(const Loading& loading, Status failure) {
  VersionRecord& record = loading.record.versions[loading.version];
  record.failure = std::move(failure);
  record.failed_stamp = loading.stamp;
  record.metrics->failed_loads.add();
  if (loading.compiled) {
    record.preparation = {};
    record.preparation.state = PreparationState::kFailed;
    record.preparation.reason = std::string(record.failure.message());
    record.metrics->preparations_failed.add();
  }
  if (record.instance == 0) {
    record.state = ModelState::kUnavailable;
    record.reason = std::string(record.failure.message());
  }
  log(LogLevel::kError,
      loading.text() + " does not load: " + std::string(record.failure.message()));
}

void ModelKeeper::take_out_of_service(const std::string& name, std::int64_t version,
                                      std::uint64_t instance, const std::string& reason) {
  const MutexLock lock(mutex_);
  VersionRecord& record = record_of(name).versions[version];
  if (record.instance != instance) return;  // it has been replaced already
  log(LogLevel::kError, "model '" + name + "' version " + std::to_string(version) +
                            " is broken and takes no more requests: " + reason);
  // Loading the same again of itself would most often break the same again; a client may ask for
  // it.
  record.failed_stamp = record.loaded_stamp;
  record.state = ModelState::kUnavailable;
  record.reason = reason;
  record.failure = unavailable(reason);
  record.instance = 0;
  record.loaded_stamp = 0;
  ++record.draining;
  give_up_preparing(record);
  registry_.remove(name, version);
  changed_.notify_all();
  if (options_.on_broken) options_.on_broken(name, reason);
}

ModelLease ModelKeeper::lease_on(std::unique_ptr<ServedModel> model) {
  return {model.release(), [this](ServedModel* last) { retire(last); }};
}

// On whatever thread the last lease has ended, a request's or one that holds the lock.
void ModelKeeper::retire(ServedModel* model) {
  {
    const MutexLock lock(draining_mutex_);
    draining_.emplace_back(model);
  }
  model->begin_close();
  unloaders_.post([this, model] { unload_retired(*model); });
}

void ModelKeeper::unload_retired(ServedModel& model) {
  model.close();
  const std::string name = model.description()->config.name;
  const std::int64_t version = model.description()->version;
  std::shared_ptr<ServedModel> last;
  {
    const MutexLock lock(draining_mutex_);
    const auto place = std::ranges::find_if(
        draining_, [&](const auto& candidate) { return candidate.get() == &model; });
    last = std::move(*place);
    draining_.erase(place);
  }
  last.reset();
  give_heap_back();
  const MutexLock lock(mutex_);
  VersionRecord& record = record_of(name).versions[version];
  --record.draining;
  if (record.draining == 0 && record.state == ModelState::kUnloading) {
    record.state = ModelState::kUnavailable;
  }
  changed_.notify_all();
}

bool ModelKeeper::cancel(RequestTicket ticket) {
  std::vector<std::shared_ptr<ServedModel>> draining;
  {
    const MutexLock lock(draining_mutex_);
    draining.assign(draining_.begin(), draining_.end());
  }
  return std::ranges::any_of(draining, [&](const auto& model) { return model->cancel(ticket); });
}

}  // namespace muster
