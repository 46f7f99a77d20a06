// SPDX-License-Identifier: Apache-2.0
// ServedModel: one loaded model with its queue and workers. Loads, checks requests, hands them on.
#pragma once

#include <memory>
#include <string>

#include <muster/backend.h>
#include <muster/service.h>

#include "base/clock.h"
#include "batching/batching_metrics.h"
#include "batching/session_workers.h"
#include "serving/request_check.h"

namespace muster {

class ServedModel {
 public:
  // Blocks while the model loads and warms up. `options.backend` null: the one that the model's
  // configuration or file names. `clock` must outlive it.
  static Result<std::unique_ptr<ServedModel>> open(const std::string& path,
                                                   const ServiceOptions& options, Clock& clock);
  ServedModel(const ServedModel&) = delete;
  ServedModel& operator=(const ServedModel&) = delete;
  // Closes: the workers end before the model and the model before its backend.
  ~ServedModel();

  void infer(InferRequest request, Completion completion);
  [[nodiscard]] Result<InferResponse> infer(InferRequest request);
  bool cancel(RequestTicket ticket);
  void close();

  [[nodiscard]] const std::shared_ptr<const ModelDescription>& description() const noexcept {
    return description_;
  }
  [[nodiscard]] ServiceStatistics statistics() const;
  // The first axis of every input counts rows.
  [[nodiscard]] bool stacked() const noexcept { return rules_.stacked; }

 private:
  ServedModel(std::shared_ptr<Backend> backend, std::shared_ptr<const CompiledModel> model,
              std::shared_ptr<const ModelDescription> description, Clock& clock);
  Status start_workers();
  [[nodiscard]] Result<PendingRequest> admit(InferRequest request);

  // Constant after construction, in the order of who needs whom.
  const std::shared_ptr<Backend> backend_;
  const std::shared_ptr<const CompiledModel> model_;
  const std::shared_ptr<const ModelDescription> description_;
  RequestRules rules_;
  Clock& clock_;
  // Synchronise themselves.
  BatchingMetrics metrics_;
  Counter not_fitting_;  // refused by the check, before batching
  std::unique_ptr<SessionWorkers> workers_;
};

}  // namespace muster
