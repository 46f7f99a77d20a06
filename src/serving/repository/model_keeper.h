// SPDX-License-Identifier: Apache-2.0
// ModelKeeper: brings what runs in line with what is wanted: at the start, when the disk changes,
// and when a client asks. Each model by itself, its jobs one after the other in order:
//
//   look at the folder -> (load or unload one version, as the policy says)* -> done
//
// A load is given up where the service stops, or where an unload or a newer load on request waits
// behind it: before its next run on zeros. Who asked for it is answered by the newer load. Of two
// loads in a row only the first gives way to a newer one, so that loads are done however many are
// asked for. Who asks for what is being loaded anyway, from the same files, is answered by that.
//
// Where a version's backend must first compile for long, the version is loaded with a stand-in, or,
// where it would take the place of something better, when it has been compiled. One thing is
// compiled at a time, on a thread of low priority (preparing.cc).
//
// A new version is loaded and warmed up aside, on threads of low priority; then it takes its place
// in the registry, and the one before is let go of. Any thread; nothing here waits for a model but
// the await_ calls.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "serving/local_service.h"
#include "serving/repository/background_threads.h"
#include "serving/repository/loading.h"
#include "serving/repository/model_records.h"
#include "serving/repository/model_registry.h"
#include "serving/repository/model_repository.h"
#include "serving/repository/opened_backends.h"
#include "serving/stand_in/stand_in_check.h"

namespace muster {

class ModelKeeper {
 public:
  // A changed folder is looked at again after this (or the interval, where that is shorter) and
  // followed if it has not changed since: it may be half copied.
  static constexpr std::chrono::milliseconds kSettleTime{1000};

  // `registry` and `clock` outlive it.
  ModelKeeper(ModelRepository repository, ModelRegistry& registry, LocalServiceOptions options,
              Clock& clock);
  ModelKeeper(const ModelKeeper&) = delete;
  ModelKeeper& operator=(const ModelKeeper&) = delete;
  // stop, drain and the end of all threads. No lease may be left.
  ~ModelKeeper();

  // Begins to load what is wanted at the start. Once, before all else.
  Status begin();
  [[nodiscard]] std::vector<ModelIndexEntry> await_first();
  void poll();
  void await_settled();
  // The same, and nothing is being compiled aside.
  void await_prepared();

  void load(std::string name, std::optional<std::string> config_json, ModelControl::Done done);
  [[nodiscard]] Status unload(std::string_view name);
  // No more jobs; what waits is given up.
  void stop();
  // Lets go of every model; false where some still answer after `limit`.
  [[nodiscard]] bool drain(std::chrono::milliseconds limit);
  // Among the models that are being unloaded.
  [[nodiscard]] bool cancel(RequestTicket ticket);

  [[nodiscard]] bool ready() const;
  [[nodiscard]] Status why_not_ready(std::string_view name, std::int64_t version) const;
  [[nodiscard]] std::vector<ModelIndexEntry> index(bool ready_only) const;
  [[nodiscard]] Result<std::vector<ModelStatistics>> statistics(std::string_view name,
                                                                std::int64_t version) const;
  [[nodiscard]] Result<ModelPreparation> preparation(std::string_view name,
                                                     std::int64_t version) const;
  void visit_metrics(const std::function<void(const VersionMetricsView&)>& visit) const;

 private:
  // What is to be done when the lock is no longer held.
  using Afterwards = std::vector<std::function<void()>>;
  using Loaded = Result<std::unique_ptr<ServedModel>>;

  // Jobs (model_keeper.cc).
  void enqueue(ModelRecord& model, ModelJob job, Afterwards& after) MUSTER_REQUIRES(mutex_);
  void advance(ModelRecord& model, Afterwards& after) MUSTER_REQUIRES(mutex_);
  void begin_job(ModelRecord& model) MUSTER_REQUIRES(mutex_);
  void end_job(ModelRecord& model, Status outcome, Afterwards& after) MUSTER_REQUIRES(mutex_);
  // Whether the folder is still what the job at hand loads, for the first of those that wait. At
  // once, or when the job at hand has looked at it itself.
  void compare_next(ModelRecord& model) MUSTER_REQUIRES(mutex_);
  // The job that has ended was given up, for a stop or for the next one; what it is told.
  [[nodiscard]] Status give_up_job(ModelRecord& model, ModelJob& job) MUSTER_REQUIRES(mutex_);
  [[nodiscard]] Status why_given_up(const ModelRecord& model) const MUSTER_REQUIRES(mutex_);
  void unload_version(ModelRecord& model, std::int64_t version) MUSTER_REQUIRES(mutex_);
  ModelRecord& record_of(const std::string& name) MUSTER_REQUIRES(mutex_);
  void follow(const std::vector<FoundModel>& found, Afterwards& after) MUSTER_REQUIRES(mutex_);
  void keep_polling();
  void settle_changed() MUSTER_REQUIRES(mutex_);
  void unload_all() MUSTER_REQUIRES(mutex_);
  [[nodiscard]] std::size_t draining() const MUSTER_REQUIRES(mutex_);

  // Looking and loading, on the background threads (model_loading.cc).
  void look(ModelRecord& model, const std::string& name, const ModelJob& job);
  [[nodiscard]] Result<ModelPlan> plan_for(const std::string& name,
                                           const std::string& config_json) const;
  void take_plan(ModelRecord& model, Result<ModelPlan> plan);
  void compare(ModelRecord& model, std::uint64_t comparison, const std::string& name,
               const std::string& config_json);
  void begin_load(ModelRecord& model, std::int64_t version) MUSTER_REQUIRES(mutex_);
  [[nodiscard]] Status prepare_load(Loading& loading);
  void load_version(const std::shared_ptr<Loading>& loading);
  void start_version(const std::shared_ptr<Loading>& loading, Loaded loaded);
  void end_load(const Loading& loading, Result<ModelLease> outcome);
  void note_loaded(const Loading& loading, ModelLease lease) MUSTER_REQUIRES(mutex_);
  void note_failed(const Loading& loading, Status failure) MUSTER_REQUIRES(mutex_);
  void take_out_of_service(const std::string& name, std::int64_t version, std::uint64_t instance,
                           const std::string& reason);
  [[nodiscard]] LoadOrder order_for(const Loading& loading);
  [[nodiscard]] Loaded load_now(const Loading& loading);
  [[nodiscard]] ModelLease lease_on(std::unique_ptr<ServedModel> model);
  void retire(ServedModel* model);
  void unload_retired(ServedModel& model);

  // Stand-ins, and what is compiled (preparing.cc). By thread: asking on a loader; choosing and all
  // that takes the lock on the starter; the rest on the builder.
  [[nodiscard]] bool must_compile(const Loading& loading);
  void stand_in_or_compile(const std::shared_ptr<Loading>& loading);
  [[nodiscard]] Status choose_stand_in(Loading& loading);
  void compile_first(const std::shared_ptr<Loading>& loading);
  void compile_aside(const Loading& stand_in, const std::string& runtime) MUSTER_REQUIRES(mutex_);
  void prepare(const std::shared_ptr<Preparing>& preparing) MUSTER_REQUIRES(mutex_);
  void prepare_next() MUSTER_REQUIRES(mutex_);
  [[nodiscard]] Status compile(const std::shared_ptr<Preparing>& preparing);
  void note_progress(Preparing& preparing, const CompileProgress& progress);
  void end_compile(const std::shared_ptr<Preparing>& preparing, const Status& outcome);
  void load_compiled(const std::shared_ptr<Preparing>& preparing);
  void begin_check(const std::shared_ptr<Preparing>& preparing,
                   const std::shared_ptr<Loaded>& loaded);
  void check(const std::shared_ptr<Preparing>& preparing, const std::shared_ptr<Loaded>& loaded,
             ModelLease stand_in);
  void end_check(const std::shared_ptr<Preparing>& preparing, Loaded loaded,
                 const Result<StandInFindings>& findings);
  void switch_to(const Preparing& preparing, ModelLease lease) MUSTER_REQUIRES(mutex_);
  void end_preparing(const std::shared_ptr<Preparing>& preparing, PreparationState state,
                     std::string_view reason) MUSTER_REQUIRES(mutex_);
  void give_up_preparing(VersionRecord& record) MUSTER_REQUIRES(mutex_);
  // A version has come to run on its own backend since this one was given a stand-in.
  [[nodiscard]] bool is_outdone(const Loading& loading) const;
  void let_go(std::unique_ptr<ServedModel> model);
  // The job at hand ends at its next step; what waits to be compiled before it waits no longer.
  void give_up(ModelRecord& model) MUSTER_REQUIRES(mutex_);

  const ModelRepository repository_;
  const LocalServiceOptions options_;
  ModelRegistry& registry_;
  Clock& clock_;
  OpenedBackends backends_;

  mutable Mutex mutex_;
  CondVar changed_;  // what await_ calls wait for
  CondVar poll_now_;
  std::map<std::string, ModelRecord, std::less<>> models_ MUSTER_GUARDED_BY(mutex_);
  std::size_t working_ MUSTER_GUARDED_BY(mutex_) = 0;  // models with a job
  std::uint64_t instances_ MUSTER_GUARDED_BY(mutex_) = 0;
  std::uint64_t comparisons_ MUSTER_GUARDED_BY(mutex_) = 0;
  bool begun_ MUSTER_GUARDED_BY(mutex_) = false;
  bool first_done_ MUSTER_GUARDED_BY(mutex_) = false;
  bool stopping_ MUSTER_GUARDED_BY(mutex_) = false;
  bool drained_ MUSTER_GUARDED_BY(mutex_) = false;
  bool unsettled_ MUSTER_GUARDED_BY(mutex_) = false;                // some change was seen once
  std::shared_ptr<Preparing> preparing_ MUSTER_GUARDED_BY(mutex_);  // at work
  std::deque<std::shared_ptr<Preparing>> to_prepare_ MUSTER_GUARDED_BY(mutex_);  // one a version

  mutable Mutex polling_;  // one look at a time
  mutable Mutex draining_mutex_;
  std::list<std::shared_ptr<ServedModel>> draining_ MUSTER_GUARDED_BY(draining_mutex_);

  // Ended in this order: each may post to those after it, but for the last, which posts to none.
  // What the starter gives to the builder it gives before the stop.
  std::thread poller_;
  BackgroundThreads loaders_;   // of low priority once all is loaded that was wanted at the start
  BackgroundThreads builder_;   // of low priority
  BackgroundThreads starters_;  // of usual priority, for threads that answer requests
  BackgroundThreads unloaders_;
};

}  // namespace muster
