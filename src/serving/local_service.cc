// SPDX-License-Identifier: Apache-2.0
#include "serving/local_service.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "base/cpu_budget.h"
#include "base/log.h"
#include "base/text.h"
#include "inference/thread_budget.h"
#include "serving/picture_calls.h"
#include "serving/repository/model_keeper.h"
#include "serving/repository/model_registry.h"
#include "serving/repository/model_repository.h"

namespace muster {
namespace {

PictureCallLimits picture_limits(const LocalServiceOptions& options) {
  ServerThreads wanted;
  wanted.pictures = options.picture_threads;
  return {divide_threads(options.thread_budget, wanted).pictures, options.max_waiting_pictures,
          options.max_waiting_picture_bytes};
}

// What was asked for, else the CPUs.
int thread_budget_for(int said) {
  const int cpus = available_cpus();
  if (said > cpus) {
    log(LogLevel::kWarning, "a thread budget of " + std::to_string(said) + " is more than the " +
                                std::to_string(cpus) +
                                " CPUs that this process may use: its threads will take turns");
  }
  return said > 0 ? said : cpus;
}

}  // namespace

struct LocalService::Parts {
  Parts(ModelRepository repository, LocalServiceOptions options, Clock& its_clock)
      : clock(its_clock),
        pictures(picture_limits(options), clock),
        keeper(std::move(repository), registry, std::move(options), clock) {}

  // The model that answers, or why none does.
  [[nodiscard]] Result<ModelLease> find(std::string_view name, std::int64_t version) const;

  // Models answer into `pictures`, so that the keeper, which drains them, ends before it.
  Clock& clock;
  ModelRegistry registry;
  PictureCalls pictures;
  ModelKeeper keeper;
};

Result<ModelLease> LocalService::Parts::find(std::string_view name, std::int64_t version) const {
  if (name.empty()) {
    const std::vector<ModelLease> all = registry.all();
    if (all.size() == 1) return find(all.front()->description()->config.name, version);
    return not_found("the request names no model");
  }
  // A version that became ready between the two looks is found by the second.
  for (int looks = 0; looks < 2; ++looks) {
    if (ModelLease lease = registry.lease(name, version)) return lease;
    MUSTER_RETURN_IF_ERROR(keeper.why_not_ready(name, version));
  }
  return unavailable("model '" + printable(name) + "' is changing; try again");
}

LocalService::LocalService(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

LocalService::~LocalService() {
  parts_->keeper.stop();
  parts_->pictures.begin_drain();
  (void)parts_->pictures.await_decoded(Clock::kForever);
}

Result<std::unique_ptr<LocalService>> LocalService::start(LocalServiceOptions options,
                                                          Clock& clock) {
  MUSTER_ASSIGN_OR_RETURN(ModelRepository repository, ModelRepository::open(options.repositories));
  options.thread_budget = thread_budget_for(options.thread_budget);
  try {
    auto parts = std::make_unique<Parts>(std::move(repository), std::move(options), clock);
    MUSTER_RETURN_IF_ERROR(parts->keeper.begin());
    return std::unique_ptr<LocalService>(new LocalService(std::move(parts)));
  } catch (const std::system_error& error) {
    return resource_exhausted(std::string("the service's threads could not be started: ") +
                              error.what());
  }
}

std::vector<ModelIndexEntry> LocalService::await_loaded() {
  return parts_->keeper.await_first();
}

void LocalService::begin_stop() {
  parts_->keeper.stop();
}

bool LocalService::drain(std::chrono::milliseconds limit) {
  const Clock::TimePoint end = add_saturating(parts_->clock.now(), limit);
  parts_->keeper.stop();
  // Pictures first: what they become is still to be handed to the models.
  parts_->pictures.begin_drain();
  const bool decoded = parts_->pictures.await_decoded(end);
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - parts_->clock.now());
  const bool drained = parts_->keeper.drain(std::max(left, std::chrono::milliseconds(0)));
  return parts_->pictures.await_answered(end) && decoded && drained;
}

void LocalService::poll() {
  parts_->keeper.poll();
}

void LocalService::await_settled() {
  parts_->keeper.await_settled();
}

void LocalService::await_prepared() {
  parts_->keeper.await_prepared();
}

void LocalService::visit_metrics(
    const std::function<void(const VersionMetricsView&)>& visit) const {
  parts_->keeper.visit_metrics(visit);
}

void LocalService::infer(InferRequest request, Completion completion) {
  auto model = parts_->find(request.model, request.version);
  if (!model.ok()) {
    completion.complete(std::move(model).status());
    return;
  }
  (*model)->infer(std::move(request), std::move(completion));
}

void LocalService::infer_in(Burst& burst, InferRequest request, Completion completion) {
  auto model = parts_->find(request.model, request.version);
  if (!model.ok()) {
    completion.complete(std::move(model).status());
    return;
  }
  burst.tell(*model);
  (*model)->infer(std::move(request), std::move(completion), Waking::kLater);
}

bool LocalService::cancel(RequestTicket ticket) {
  if (ticket == 0) return false;
  const std::vector<ModelLease> models = parts_->registry.all();
  return std::ranges::any_of(models, [&](const auto& model) { return model->cancel(ticket); }) ||
         parts_->keeper.cancel(ticket) || parts_->pictures.cancel(ticket);
}

Result<std::shared_ptr<const ModelDescription>> LocalService::describe(std::string_view model,
                                                                       std::int64_t version) const {
  MUSTER_ASSIGN_OR_RETURN(const ModelLease lease, parts_->find(model, version));
  return lease->description();
}

bool LocalService::ready() const {
  return parts_->keeper.ready();
}

Status LocalService::model_ready(std::string_view name, std::int64_t version) const {
  return parts_->find(name, version).status();
}

Result<std::vector<std::int64_t>> LocalService::versions(std::string_view name) const {
  std::vector<std::int64_t> versions = parts_->registry.versions(name);
  if (!versions.empty()) return versions;
  MUSTER_RETURN_IF_ERROR(parts_->find(name, 0).status());
  return parts_->registry.versions(name);
}

std::vector<ModelIndexEntry> LocalService::index(bool ready) const {
  return parts_->keeper.index(ready);
}

Result<std::vector<ModelStatistics>> LocalService::statistics(std::string_view name,
                                                              std::int64_t version) const {
  return parts_->keeper.statistics(name, version);
}

Result<ModelPreparation> LocalService::preparation(std::string_view name,
                                                   std::int64_t version) const {
  return parts_->keeper.preparation(name, version);
}

Result<BatchingExplanation> LocalService::explain(std::string_view name,
                                                  std::int64_t version) const {
  MUSTER_ASSIGN_OR_RETURN(const ModelLease lease, parts_->find(name, version));
  BatchingExplanation explanation = lease->explain();
  // Of a version that goes meanwhile nothing is told.
  if (auto preparation = parts_->keeper.preparation(lease->description()->config.name,
                                                    lease->description()->version);
      preparation.ok()) {
    explanation.preparation = *std::move(preparation);
  }
  return explanation;
}

void LocalService::load(std::string name, std::optional<std::string> config_json, Done done) {
  parts_->keeper.load(std::move(name), std::move(config_json), std::move(done));
}

Status LocalService::unload(std::string_view name) {
  return parts_->keeper.unload(name);
}

void LocalService::classify(PictureRequest request,
                            std::function<void(Result<PictureResponse>)> done) {
  auto model = parts_->find(request.model, request.version);
  if (!model.ok()) {
    done(std::move(model).status());
    return;
  }
  parts_->pictures.classify(*std::move(model), std::move(request), std::move(done));
}

}  // namespace muster
