// SPDX-License-Identifier: Apache-2.0
// ServedModel: one loaded version of a model with its queue and workers. Loads, checks requests,
// hands them on.
//
//   open | load start     then infer and cancel from any thread     close ~ServedModel
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include <muster/backend.h>
#include <muster/service.h>

#include "base/clock.h"
#include "batching/session_workers.h"
#include "inference/burst.h"
#include "inference/model_control.h"
#include "serving/model_folder.h"
#include "serving/repository/version_metrics.h"
#include "serving/request_check.h"
#include "serving/warm_up.h"

namespace muster {

// What is loaded in place of the model's own, which its backend has still to compile.
struct StandIn {
  std::string file;
  ModelConfig config;  // what the other backend is to know of the folder's
};

// What to load, and how. The folder is used during `load` alone.
struct LoadOrder {
  const ModelFolder& folder;
  ModelFolder::Choice choice;
  std::shared_ptr<Backend> backend;
  ServiceOptions options = {};
  int thread_budget = 1;  // of the process (inference/thread_budget.h)
  WarmUpExtent warm_up = WarmUpExtent::kProbe;
  WarmUpPace warm_up_pace = WarmUpPace::kQuick;
  // For essential sizes beside the probe's, and for the others (warm_up.h).
  std::optional<std::chrono::milliseconds> essential_limit = {};  // nothing: as long as they take
  std::chrono::milliseconds warm_up_limit{0};
  // Ends the load with kUnavailable: before the warm-up, and before each of its runs.
  std::stop_token give_up = {};
  std::shared_ptr<VersionMetrics> metrics = std::make_shared<VersionMetrics>();
  // Called once where a session breaks for good (fault_watch.h). May be null.
  std::function<void(std::string reason)> on_fault = {};
  // `backend` is this one's; the model is described as its own configuration has it.
  std::optional<StandIn> stand_in = {};
};

// What the order's backend is given. It refers to the order's folder.
[[nodiscard]] ModelSource source_of(const LoadOrder& order);

class ServedModel final : public Burst::Listener {
 public:
  // Blocks while the model loads and warms up, all on the calling thread but for what the backend
  // does on threads of its own. `clock` must outlive what is returned.
  static Result<std::unique_ptr<ServedModel>> load(LoadOrder order, Clock& clock);
  // Makes the sessions and starts the workers, which inherit the calling thread's priority. Once.
  Status start();

  // Both at once, with a probe instead of a whole warm-up.
  // `options.backend` null: the one that the model's configuration or file names.
  static Result<std::unique_ptr<ServedModel>> open(const std::string& path,
                                                   const ServiceOptions& options, Clock& clock);
  ServedModel(const ServedModel&) = delete;
  ServedModel& operator=(const ServedModel&) = delete;
  // Closes: the workers end before the model and the model before its backend.
  ~ServedModel();

  void infer(InferRequest request, Completion completion, Waking waking = Waking::kNow);
  [[nodiscard]] Result<InferResponse> infer(InferRequest request);
  // Wakes the workers for what was handed in with Waking::kLater.
  bool burst_ended() override { return workers_->wake_due(); }
  bool cancel(RequestTicket ticket);
  // Refuses what is new and returns at once.
  void begin_close();
  void close();

  [[nodiscard]] const std::shared_ptr<const ModelDescription>& description() const noexcept {
    return description_;
  }
  // To be run beside what serves.
  [[nodiscard]] const CompiledModel& compiled() const noexcept { return *model_; }
  [[nodiscard]] ServiceStatistics statistics() const;
  [[nodiscard]] BatchingExplanation explain() const;
  // The first axis of every input counts rows.
  [[nodiscard]] bool stacked() const noexcept { return rules_.stacked; }

 private:
  ServedModel(std::shared_ptr<Backend> backend, std::shared_ptr<const CompiledModel> model,
              std::shared_ptr<const ModelDescription> description,
              std::shared_ptr<VersionMetrics> metrics, Clock& clock);
  // `said`: by whoever opens the model. `splits`: its outputs follow the rows.
  void set_max_request_rows(std::optional<std::int64_t> said, bool splits);
  [[nodiscard]] Result<PendingRequest> admit(InferRequest request);
  void offer_in_parts(PendingRequest request, Waking waking);

  // Constant after construction, in the order of who needs whom.
  const std::shared_ptr<Backend> backend_;
  const std::shared_ptr<const CompiledModel> model_;
  const std::shared_ptr<const ModelDescription> description_;
  RequestRules rules_;
  std::vector<FirstCost> first_costs_;  // until start
  Clock& clock_;
  // Synchronise themselves.
  const std::shared_ptr<VersionMetrics> metrics_;
  std::unique_ptr<SessionWorkers> workers_;
};

}  // namespace muster
