// SPDX-License-Identifier: Apache-2.0
// The part of ModelKeeper that has compiled what a backend must compile first, while a stand-in
// serves, and puts it in its place.
//
//   loader: must_compile? -> starter: choose_stand_in -> loader: load it -> starter: it serves
//   builder: compile -> starter -> builder: load -> starter -> builder: check -> starter: switch
//
// The builder's thread is of low priority and never takes the keeper's lock.
#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "base/caught.h"
#include "base/log.h"
#include "base/memory/heap.h"
#include "base/text.h"
#include "serving/repository/model_keeper.h"
#include "serving/stand_in/stand_in.h"

namespace muster {
namespace {

constexpr int kToldParts = 4;  // of a build, in the log

Status not_begun() {
  return unavailable("its load was given up");
}

// Hands on what a backend tells while it compiles, and whether it is to go on.
class Listener final : public CompileListener {
 public:
  Listener(const Preparing& preparing, std::function<void(const CompileProgress&)> note)
      : preparing_(preparing), note_(std::move(note)) {}

  bool on_progress(const CompileProgress& progress) override {
    if (preparing_.given_up()) return false;
    note_(progress);
    return true;
  }

 private:
  const Preparing& preparing_;
  const std::function<void(const CompileProgress&)> note_;
};

VersionRecord& record_for(const Preparing& preparing) {
  return preparing.own->record.versions[preparing.own->version];
}

std::string percent(double done) {
  return std::to_string(static_cast<int>(std::floor(done * 100))) + " %";
}

}  // namespace

bool ModelKeeper::must_compile(const Loading& loading) {
  // What is wrong is for the load to say.
  if (options_.service.threads && *options_.service.threads < 1) return false;
  const LoadOrder order = order_for(loading);
  const auto answer = caught([&] { return loading.backend->must_compile(source_of(order)); });
  return answer.ok() && *answer;
}

void ModelKeeper::stand_in_or_compile(const std::shared_ptr<Loading>& loading) {
  if (loading->give_up.stop_requested()) return end_load(*loading, not_begun());
  const StandInOptions& options = loading->folder->config().config().stand_in;
  if (!options.aside || !loading->may_stand_in) return compile_first(loading);
  const Status chosen = caught([&] { return choose_stand_in(*loading); });
  if (chosen.ok()) {
    loaders_.post([this, loading] { load_version(loading); });
    return;
  }
  log(LogLevel::kWarning, loading->text() + ": nothing stands in while it is compiled: " +
                              std::string(chosen.message()));
  compile_first(loading);
}

// On the starter: a backend that is opened may start threads.
Status ModelKeeper::choose_stand_in(Loading& loading) {
  const ModelFolder& folder = *loading.folder;
  const std::string name = stand_in_backend(folder.config().config());
  if (name == loading.choice.backend)
    return failed_precondition("'" + name + "' is its own backend");
  MUSTER_ASSIGN_OR_RETURN(loading.stand_in_file, folder.file_for(loading.choice, name));
  MUSTER_ASSIGN_OR_RETURN(loading.stand_in, backends_.open(name));
  return {};
}

void ModelKeeper::compile_first(const std::shared_ptr<Loading>& loading) {
  loading->stand_in.reset();
  {
    const MutexLock lock(mutex_);
    if (!loading->give_up.stop_requested())
      return prepare(std::make_shared<Preparing>(loading, false));
  }
  end_load(*loading, not_begun());
}

void ModelKeeper::compile_aside(const Loading& stand_in, const std::string& runtime) {
  VersionRecord& record = stand_in.record.versions[stand_in.version];
  // Where the same was loaded once more, as somebody may do every few minutes, what is compiled for
  // it goes on, or it would never end.
  const bool goes_on =
      record.preparing && record.preparing->aside && record.preparing->own->stamp == stand_in.stamp;
  if (!goes_on) {
    give_up_preparing(record);
    auto own = std::make_shared<Loading>(stand_in);
    own->stand_in.reset();
    own->replaces = true;
    own->instance = ++instances_;
    std::stop_source stop;
    own->give_up = stop.get_token();
    prepare(std::make_shared<Preparing>(std::move(own), true, std::move(stop)));
  }
  record.preparation.stand_in = runtime;
}

void ModelKeeper::prepare(const std::shared_ptr<Preparing>& preparing) {
  VersionRecord& record = record_for(*preparing);
  give_up_preparing(record);
  record.preparing = preparing;
  record.preparation = {};
  record.preparation.state = PreparationState::kWaiting;
  to_prepare_.push_back(preparing);
  prepare_next();
}

void ModelKeeper::prepare_next() {
  if (preparing_ || to_prepare_.empty()) return;
  preparing_ = std::move(to_prepare_.front());
  to_prepare_.pop_front();
  record_for(*preparing_).preparation.state = PreparationState::kBuilding;
  log(LogLevel::kInfo, preparing_->own->text() + " is being compiled by " +
                           std::string(preparing_->own->backend->name()) +
                           (preparing_->aside ? ", while a stand-in serves; this may take minutes"
                                              : ", and is loaded then; this may take minutes"));
  builder_.post([this, preparing = preparing_] {
    Status outcome = caught([&] { return compile(preparing); });
    starters_.post([this, preparing, outcome] { end_compile(preparing, outcome); });
  });
}

Status ModelKeeper::compile(const std::shared_ptr<Preparing>& preparing) {
  Loading& own = *preparing->own;
  if (preparing->given_up()) return not_begun();
  if (options_.service.compiled_cache.empty()) {
    MUSTER_ASSIGN_OR_RETURN(TemporaryFolder folder, TemporaryFolder::make("muster-compiled"));
    own.cache = std::make_shared<const TemporaryFolder>(std::move(folder));
    log(LogLevel::kInfo, own.text() +
                             ": what is compiled is not kept, and will be compiled anew at the "
                             "next load: no folder is given for it (compiled-model-cache)");
  }
  const LoadOrder order = order_for(own);
  const ModelSource source = source_of(order);
  Listener listener(*preparing, [this, &preparing](const CompileProgress& progress) {
    // One note at a time: the starter may have other things to do.
    if (preparing->telling.exchange(true)) return;
    starters_.post([this, preparing, progress] { note_progress(*preparing, progress); });
  });
  MUSTER_RETURN_IF_ERROR(own.backend->compile(source, "", listener).status());
  // A load that does not find it would compile once more, where nobody could end it.
  MUSTER_ASSIGN_OR_RETURN(const bool missing, own.backend->must_compile(source));
  if (!missing) return {};
  return failed_precondition(
      "what was compiled was not kept: its folder has no room or may not be written to, or the "
      "model's files were replaced meanwhile");
}

void ModelKeeper::note_progress(Preparing& preparing, const CompileProgress& progress) {
  preparing.telling = false;
  const MutexLock lock(mutex_);
  VersionRecord& record = record_for(preparing);
  if (record.preparing.get() != &preparing) return;
  ModelPreparation& told = record.preparation;
  if (told.state != PreparationState::kBuilding) return;
  told.phase = progress.phase;
  told.done = std::clamp(progress.done, told.done, 1.0);
  told.left = progress.left;
  const int part = static_cast<int>(told.done * kToldParts);
  if (part <= preparing.told_quarters) return;
  preparing.told_quarters = part;
  log(LogLevel::kInfo,
      preparing.own->text() + " is compiled to " + percent(told.done) +
          (told.left ? ", " + std::to_string(told.left->count()) + " s are left" : ""));
}

void ModelKeeper::end_compile(const std::shared_ptr<Preparing>& preparing, const Status& outcome) {
  const std::shared_ptr<Loading>& own = preparing->own;
  Status failure;  // of a load that waited for it
  {
    const MutexLock lock(mutex_);
    if (preparing->given_up()) {
      end_preparing(preparing, PreparationState::kNone, "");
      if (preparing->aside) return;
      failure = not_begun();
    } else if (!outcome.ok() && outcome.code() != StatusCode::kUnimplemented) {
      end_preparing(preparing, PreparationState::kFailed, outcome.message());
      if (preparing->aside) return;
      failure = outcome;
    } else if (preparing->aside) {
      record_for(*preparing).preparation.state = PreparationState::kLoading;
      builder_.post([this, preparing] { load_compiled(preparing); });
      return;
    } else {
      own->compiled = outcome.ok();
      end_preparing(preparing, PreparationState::kLoading, "");
      loaders_.post([this, own] { load_version(own); });
      return;
    }
  }
  end_load(*own, std::move(failure));
}

void ModelKeeper::load_compiled(const std::shared_ptr<Preparing>& preparing) {
  Loading& own = *preparing->own;
  own.begun = clock_.now();
  // A std::function must be copyable.
  const auto loaded = std::make_shared<Loaded>(load_now(own));
  starters_.post([this, preparing, loaded] { begin_check(preparing, loaded); });
}

void ModelKeeper::begin_check(const std::shared_ptr<Preparing>& preparing,
                              const std::shared_ptr<Loaded>& loaded) {
  const Loading& own = *preparing->own;
  {
    const MutexLock lock(mutex_);
    ModelLease stand_in = registry_.lease(own.name, own.version);
    if (!preparing->given_up() && stand_in && loaded->ok()) {
      record_for(*preparing).preparation.state = PreparationState::kVerifying;
      builder_.post([this, preparing, loaded, stand_in = std::move(stand_in)] {
        check(preparing, loaded, stand_in);
      });
      return;
    }
    if (preparing->given_up() || !stand_in) {
      end_preparing(preparing, PreparationState::kNone, "");
    } else {
      end_preparing(preparing, PreparationState::kFailed, loaded->status().message());
    }
  }
  if (loaded->ok()) let_go(std::move(**loaded));
}

void ModelKeeper::check(const std::shared_ptr<Preparing>& preparing,
                        const std::shared_ptr<Loaded>& loaded, ModelLease stand_in) {
  const Loading& own = *preparing->own;
  const ModelConfig& config = (**loaded)->description()->config;
  Result<StandInFindings> findings = caught([&] {
    return check_stand_in({stand_in->compiled(), (**loaded)->compiled(), config,
                           config.stand_in.tolerance, own.give_up});
  });
  stand_in.reset();
  if (findings.ok() && !findings->difference.empty()) {
    // The next load would find it and ask nobody.
    const LoadOrder order = order_for(own);
    const Status gone = caught([&] { return own.backend->forget_compiled(source_of(order)); });
    if (!gone.ok()) {
      log(LogLevel::kWarning,
          own.text() + ": what was compiled is still in the cache: " + std::string(gone.message()));
    }
  }
  starters_.post([this, preparing, loaded, findings = std::move(findings)] {
    end_check(preparing, std::move(*loaded), findings);
  });
}

void ModelKeeper::end_check(const std::shared_ptr<Preparing>& preparing, Loaded loaded,
                            const Result<StandInFindings>& findings) {
  const bool agrees = findings.ok() && findings->difference.empty();
  std::unique_ptr<ServedModel> model = *std::move(loaded);
  const Status started = agrees ? caught([&] { return model->start(); }) : Status();
  ModelLease lease;
  if (agrees && started.ok()) {
    lease = lease_on(std::move(model));
  } else {
    let_go(std::move(model));
  }
  const MutexLock lock(mutex_);
  if (preparing->given_up()) {
    if (lease) ++record_for(*preparing).draining;
    end_preparing(preparing, PreparationState::kNone, "");
  } else if (!findings.ok()) {
    end_preparing(
        preparing, PreparationState::kFailed,
        "it could not be compared with its stand-in: " + std::string(findings.status().message()) +
            "; parameter build: \"first\" serves it without");
  } else if (!agrees) {
    end_preparing(preparing, PreparationState::kDiffers, findings->difference);
  } else if (!started.ok()) {
    end_preparing(preparing, PreparationState::kFailed, started.message());
  } else {
    log(LogLevel::kInfo,
        preparing->own->text() + " agrees with its stand-in: " + findings->nearest);
    switch_to(*preparing, std::move(lease));
    end_preparing(preparing, PreparationState::kInUse, "");
  }
}

void ModelKeeper::switch_to(const Preparing& preparing, ModelLease lease) {
  const Loading& own = *preparing.own;
  VersionRecord& record = record_for(preparing);
  if (record.instance != 0) ++record.draining;
  record.instance = own.instance;
  record.stands_in = false;
  record.load_time = clock_.now() - own.begun;
  record.runtime = lease->description()->runtime;
  record.metrics->loads.add();
  registry_.put(own.name, own.version, std::move(lease));
  log(LogLevel::kInfo, own.text() + " runs on " + record.runtime + " from now on");
}

void ModelKeeper::end_preparing(const std::shared_ptr<Preparing>& preparing, PreparationState state,
                                std::string_view reason) {
  const Loading& own = *preparing->own;
  VersionMetrics& counted = *own.metrics;
  switch (state) {
    case PreparationState::kInUse:
      counted.preparations_in_use.add();
      break;
    case PreparationState::kFailed:
      counted.preparations_failed.add();
      log(LogLevel::kError, own.text() + ": its preparation failed" +
                                (preparing->aside ? ", its stand-in still serves: " : ": ") +
                                std::string(reason));
      break;
    case PreparationState::kDiffers:
      counted.preparations_different.add();
      log(LogLevel::kError, own.text() +
                                ": what was compiled computes something else, its stand-in still "
                                "serves: " +
                                std::string(reason));
      break;
    case PreparationState::kNone:
      counted.preparations_given_up.add();
      break;
    default:
      break;
  }
  VersionRecord& record = record_for(*preparing);
  if (record.preparing == preparing) {
    record.preparing.reset();
    std::string stand_in = state == PreparationState::kFailed || state == PreparationState::kDiffers
                               ? std::move(record.preparation.stand_in)
                               : std::string();
    record.preparation = {};
    record.preparation.state = state;
    record.preparation.stand_in = std::move(stand_in);
    record.preparation.reason = std::string(reason);
  }
  if (preparing_ == preparing) preparing_.reset();
  prepare_next();
  changed_.notify_all();
}

void ModelKeeper::give_up_preparing(VersionRecord& record) {
  // What a load waits for ends with that load.
  if (!record.preparing || !record.preparing->aside) return;
  const std::shared_ptr<Preparing> preparing = std::move(record.preparing);
  record.preparing.reset();
  record.preparation = {};
  preparing->stop.request_stop();
  // What is at work ends soon, and is counted then.
  if (std::erase(to_prepare_, preparing) > 0) preparing->own->metrics->preparations_given_up.add();
  changed_.notify_all();
}

void ModelKeeper::give_up(ModelRecord& model) {
  model.give_up.request_stop();
  for (auto& [version, record] : model.versions) {
    const std::shared_ptr<Preparing> preparing = record.preparing;
    if (!preparing || preparing->aside || std::erase(to_prepare_, preparing) == 0) continue;
    end_preparing(preparing, PreparationState::kNone, "");
    starters_.post([this, own = preparing->own] { end_load(*own, not_begun()); });
  }
}

bool ModelKeeper::is_outdone(const Loading& loading) const {
  const MutexLock lock(mutex_);
  return loading.stand_in != nullptr && runs_its_own(loading.record);
}

// What was never started has nothing to answer; what it holds may take long to give back.
void ModelKeeper::let_go(std::unique_ptr<ServedModel> model) {
  unloaders_.post([held = std::make_shared<std::unique_ptr<ServedModel>>(std::move(model))] {
    held->reset();
    give_heap_back();
  });
}

Result<ModelPreparation> ModelKeeper::preparation(std::string_view name,
                                                  std::int64_t version) const {
  const MutexLock lock(mutex_);
  const auto model = models_.find(name);
  if (model == models_.end()) return no_such_model(name);
  const auto& versions = model->second.versions;
  for (auto entry = versions.rbegin(); entry != versions.rend(); ++entry) {
    const bool meant = version == 0 ? entry->second.instance != 0 : entry->first == version;
    if (meant) return entry->second.preparation;
  }
  if (version == 0 && !versions.empty()) return versions.rbegin()->second.preparation;
  return muster::why_not_ready(model->second, version);
}

void ModelKeeper::await_prepared() {
  MutexLock lock(mutex_);
  while (working_ > 0 || draining() > 0 || preparing_ || !to_prepare_.empty())
    changed_.wait(lock);
}

}  // namespace muster
