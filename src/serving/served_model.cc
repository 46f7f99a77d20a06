// SPDX-License-Identifier: Apache-2.0
#include "serving/served_model.h"

#include <algorithm>
#include <utility>

#include "base/cpu_budget.h"
#include "base/log.h"
#include "base/text.h"
#include "inference/signature.h"
#include "inference/thread_budget.h"
#include "model_config/model_config.h"
#include "serving/backend_library.h"
#include "serving/explanation.h"
#include "serving/fault_watch.h"
#include "serving/split_request.h"
#include "serving/stand_in/scaled_pixels.h"

namespace muster {
namespace {

// Options stand above the configuration.
Status apply_batch_size(const ServiceOptions& options, const std::string& file,
                        const ModelSignature& signature, ModelConfig& config) {
  if (!options.max_batch_size) return {};
  const std::int64_t wanted = *options.max_batch_size;
  if (wanted < 1 || wanted > kMaxBatchSize) {
    return invalid_argument("a batch size of " + std::to_string(wanted) +
                            " is not possible: give 1 to " + std::to_string(kMaxBatchSize));
  }
  if (!signature.has_batch_axis()) {
    if (wanted == 1) return {};
    const TensorSpec* const fixed = input_without_batch_axis(signature);
    const std::string obstacle =
        fixed == nullptr
            ? "it has no inputs"
            : "input '" + printable(fixed->name) + "' has shape " + fixed->shape.to_string() +
                  ", without an open batch axis; export the model with a dynamic batch axis";
    return failed_precondition(printable(file) + ": a batch size of " + std::to_string(wanted) +
                               " is not possible: " + obstacle);
  }
  config.batching.max_batch_size = wanted;
  std::erase_if(config.batching.preferred_batch_sizes,
                [&](std::int64_t size) { return size > wanted; });
  return {};
}

Status apply_options(const ServiceOptions& options, const std::string& file,
                     const ModelSignature& signature, ModelConfig& config) {
  MUSTER_RETURN_IF_ERROR(apply_batch_size(options, file, signature, config));
  if (options.max_queue_delay) {
    if (options.max_queue_delay->count() < 0 || *options.max_queue_delay > kMaxQueueWait) {
      return invalid_argument(
          "a queue delay of " + std::to_string(options.max_queue_delay->count()) +
          " us is not possible: give 0 to " + std::to_string(kMaxQueueWait.count()));
    }
    config.batching.max_queue_delay = *options.max_queue_delay;
    config.batching.latency_target = {};  // the delay is said by hand
    config.dynamic_batching = config.batching.max_batch_size > 0;
  }
  if (options.max_request_rows &&
      (*options.max_request_rows < 1 || *options.max_request_rows > kMaxRequestRows)) {
    return invalid_argument("requests of up to " + std::to_string(*options.max_request_rows) +
                            " rows are not possible: give 1 to " + std::to_string(kMaxRequestRows));
  }
  if (options.instance_count) {
    if (*options.instance_count < 1 || *options.instance_count > kMaxInstanceCount) {
      return invalid_argument(std::to_string(*options.instance_count) +
                              " instances are not possible: give 1 to " +
                              std::to_string(kMaxInstanceCount));
    }
    config.instance_count = *options.instance_count;
  }
  return {};
}

const std::string& file_of(const LoadOrder& order) {
  return order.stand_in ? order.stand_in->file : order.choice.file;
}

// Who sets options knows the process; who writes a configuration need not.
void warn_of_oversubscription(const LoadOrder& order, int instances,
                              const ComputeThreads& threads) {
  if (order.options.threads || order.options.instance_count) return;
  const std::string text = oversubscription(order.thread_budget, instances, threads);
  if (!text.empty()) log(LogLevel::kWarning, printable(file_of(order)) + ": " + text);
}

void count(const CompiledCacheUse& use, VersionMetrics& metrics) {
  metrics.cache_hits.add(use.hits);
  metrics.cache_misses.add(use.misses);
  metrics.cache_rebuilt.add(use.rebuilt);
}

int instances_of(const LoadOrder& order) {
  return std::max(
      1, order.options.instance_count.value_or(order.folder.config().config().instance_count));
}

std::string runtime_of(const LoadOrder& order, const CompiledModel& model) {
  std::string runtime = order.backend->version();
  if (const std::string accelerators = model.accelerators(); !accelerators.empty()) {
    runtime += " with " + accelerators;
    log(LogLevel::kInfo, file_of(order) + ": runs on " + runtime);
  }
  if (const std::string precision = model.precision(); !precision.empty() && precision != "f32")
    runtime += " in " + precision;
  if (order.stand_in) runtime += ", standing in for " + order.choice.backend;
  return runtime;
}

Status given_up() {
  return unavailable("its load was given up");
}

WarmUpLimits limits_of(const LoadOrder& order, Clock::TimePoint now) {
  WarmUpLimits limits;
  if (order.essential_limit) limits.essential = add_saturating(now, *order.essential_limit);
  limits.rest = add_saturating(now, order.warm_up_limit);
  limits.give_up = order.give_up;
  return limits;
}

// What the warm-up found becomes a warning, a changed configuration, or the end of the load.
Status apply_findings(const WarmUpFindings& findings, const std::string& file,
                      ModelConfig& config) {
  if (findings.given_up) return given_up();
  if (!findings.broken.ok()) return findings.broken.with_context(printable(file));
  if (!findings.too_large.ok()) return findings.too_large.with_context(printable(file));
  if (!findings.not_mergeable.empty() && config.dynamic_batching) {
    log(LogLevel::kWarning,
        file + ": requests will run one by one, because " + findings.not_mergeable);
    config.dynamic_batching = false;
  }
  if (!findings.not_tried.empty()) {
    log(LogLevel::kInfo, file + ": not warmed up: " + findings.not_tried);
  }
  if (findings.sizes_left > 0) {
    log(LogLevel::kInfo, file + ": not warmed up, for want of time, at " +
                             std::to_string(findings.sizes_left) + " batch sizes");
  }
  if (findings.sizes_spared > 0) {
    log(LogLevel::kDebug, file + ": " + std::to_string(findings.sizes_spared) +
                              " batch sizes gain nothing from a warm-up");
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<ServedModel>> ServedModel::open(const std::string& path,
                                                       const ServiceOptions& options,
                                                       Clock& clock) {
  MUSTER_ASSIGN_OR_RETURN(const ModelFolder folder, ModelFolder::open(path));
  MUSTER_ASSIGN_OR_RETURN(ModelFolder::Choice choice, folder.choose());
  std::shared_ptr<Backend> backend = options.backend;
  const int thread_budget = available_cpus();
  if (!backend) {
    MUSTER_ASSIGN_OR_RETURN(backend, open_backend(choice.backend, {thread_budget}));
  }
  LoadOrder order{folder, std::move(choice), std::move(backend), options, thread_budget};
  MUSTER_ASSIGN_OR_RETURN(auto served, load(std::move(order), clock));
  MUSTER_RETURN_IF_ERROR(served->start());
  return served;
}

ModelSource source_of(const LoadOrder& order) {
  const ModelConfig& config =
      order.stand_in ? order.stand_in->config : order.folder.config().config();
  const int instances = instances_of(order);
  const ThreadShare share = share_threads(order.thread_budget, instances, order.options.threads);
  return {file_of(order),
          &config,
          share.per_run,
          instances,
          order.options.compiled_cache,
          order.options.accelerator_libraries,
          share.pooled,
          scaled_pixels(order.folder.config())};
}

Result<std::unique_ptr<ServedModel>> ServedModel::load(LoadOrder order, Clock& clock) {
  const ModelFolder& folder = order.folder;
  const std::string& file = file_of(order);
  if (order.options.threads && *order.options.threads < 1) {
    return invalid_argument("at least one thread is needed");
  }
  const ModelSource source = source_of(order);
  MUSTER_ASSIGN_OR_RETURN(std::shared_ptr<const CompiledModel> model, order.backend->load(source));
  if (order.give_up.stop_requested()) return given_up();
  if (order.stand_in && source.pixels && !model->scales_pixels()) {
    MUSTER_ASSIGN_OR_RETURN(model, with_scaled_pixels(std::move(model), *source.pixels));
  }
  warn_of_oversubscription(order, source.sessions, model->threads());
  count(model->compiled_cache_use(), *order.metrics);

  auto description = std::make_shared<ModelDescription>();
  description->signature = model->signature();
  description->file = file;
  description->runtime = runtime_of(order, *model);
  description->version = order.choice.version;
  MUSTER_ASSIGN_OR_RETURN(description->config,
                          resolve(folder.config(), description->signature,
                                  {order.choice.backend, file,
                                   [&folder](std::string_view name) { return folder.read(name); },
                                   nullptr, source.pixels && model->scales_pixels()}));
  ModelConfig& config = description->config;
  MUSTER_RETURN_IF_ERROR(apply_options(order.options, file, description->signature, config));
  for (const std::string& warning : config.warnings)
    log(LogLevel::kWarning, warning);

  const WarmUpFindings findings = warm_up(*model, config, order.warm_up, order.warm_up_pace, clock,
                                          limits_of(order, clock.now()));
  MUSTER_RETURN_IF_ERROR(apply_findings(findings, file, config));
  description->config_text = to_text(config);
  std::unique_ptr<ServedModel> served(new ServedModel(
      std::move(order.backend), watch_faults(std::move(model), std::move(order.on_fault)),
      std::move(description), std::move(order.metrics), clock));
  served->first_costs_ = findings.costs;
  served->set_max_request_rows(order.options.max_request_rows, findings.not_mergeable.empty());
  return served;
}

ServedModel::ServedModel(std::shared_ptr<Backend> backend,
                         std::shared_ptr<const CompiledModel> model,
                         std::shared_ptr<const ModelDescription> description,
                         std::shared_ptr<VersionMetrics> metrics, Clock& clock)
    : backend_(std::move(backend)),
      model_(std::move(model)),
      description_(std::move(description)),
      clock_(clock),
      metrics_(std::move(metrics)) {
  const ModelConfig& config = description_->config;
  rules_.config = &config;
  rules_.signature = &description_->signature;
  rules_.stacked = config.batching.max_batch_size > 0;
  rules_.max_rows = std::max<std::int64_t>(1, config.batching.max_batch_size);
  rules_.max_request_rows = rules_.max_rows;
  rules_.fixed_rows = std::ranges::none_of(config.inputs, [](const TensorSpec& input) {
    return input.shape.without_first().has_dynamic_dim();
  });
}

ServedModel::~ServedModel() = default;

void ServedModel::set_max_request_rows(std::optional<std::int64_t> said, bool splits) {
  const std::int64_t rows = said.value_or(std::max(kDefaultMaxRequestRows, rules_.max_rows));
  rules_.max_request_rows = splits ? rows : std::min(rows, rules_.max_rows);
}

Status ServedModel::start() {
  QueueOptions queue = queue_options_of(description_->config);
  queue.first_costs = std::move(first_costs_);
  MUSTER_ASSIGN_OR_RETURN(workers_,
                          SessionWorkers::start(*model_, rules_.stacked, std::move(queue), clock_,
                                                metrics_->batching, description_));
  return {};
}

Result<PendingRequest> ServedModel::admit(InferRequest request) {
  const std::string& name = description_->config.name;
  if (!request.model.empty() && request.model != name) {
    metrics_->not_fitting.add();
    return not_found("there is no model '" + printable(request.model) + "' here, only '" +
                     printable(name) + "'");
  }
  if (request.version != 0 && request.version != description_->version) {
    metrics_->not_fitting.add();
    return not_found("there is no version " + std::to_string(request.version) + " of model '" +
                     printable(name) + "' here");
  }
  auto pending = check_request(std::move(request), rules_);
  if (!pending.ok()) metrics_->not_fitting.add();
  return pending;
}

void ServedModel::infer(InferRequest request, Completion completion, Waking waking) {
  auto checked = admit(std::move(request));
  if (!checked.ok()) {
    completion.complete(std::move(checked).status());
    return;
  }
  checked->reply = Reply(std::move(completion));
  if (checked->rows > rules_.max_rows) {
    offer_in_parts(*std::move(checked), waking);
  } else {
    workers_->offer(std::make_unique<PendingRequest>(*std::move(checked)), waking);
  }
}

Result<InferResponse> ServedModel::infer(InferRequest request) {
  MUSTER_ASSIGN_OR_RETURN(PendingRequest pending, admit(std::move(request)));
  if (pending.rows <= rules_.max_rows) return workers_->infer(std::move(pending));
  MUSTER_RETURN_IF_ERROR(workers_->may_wait());
  BlockingCall& call = BlockingCall::of_this_thread();
  call.begin();
  pending.reply = Reply(call);
  offer_in_parts(std::move(pending), Waking::kNow);
  return call.wait();
}

void ServedModel::offer_in_parts(PendingRequest request, Waking waking) {
  auto parts =
      split_request(std::move(request), rules_.max_rows,
                    [&workers = *workers_](RequestTicket ticket) { workers.cancel(ticket); });
  workers_->offer_all(parts, waking);
}

bool ServedModel::cancel(RequestTicket ticket) {
  return workers_->cancel(ticket);
}

void ServedModel::begin_close() {
  workers_->begin_close();
}

void ServedModel::close() {
  workers_->close();
}

BatchingExplanation ServedModel::explain() const {
  return explain_batching(*description_, metrics_->batching, clock_.now());
}

ServiceStatistics ServedModel::statistics() const {
  const BatchingMetrics& counted = metrics_->batching;
  ServiceStatistics totals;
  totals.requests_accepted = counted.accepted.value();
  totals.requests_refused = counted.refused.value() + metrics_->not_fitting.value();
  totals.requests_succeeded = counted.succeeded.count();
  totals.requests_failed = counted.failed.count();
  totals.requests_expired = counted.expired.count();
  totals.requests_cancelled = counted.cancelled.count();
  totals.rows = counted.rows.value();
  for (std::size_t i = 0; i < kCloseReasonCount; ++i) {
    totals.batches_by_reason[i] = counted.batches_by_reason[i].value();
    totals.batches += totals.batches_by_reason[i];
  }
  totals.batches_by_rows = counted.batch_rows.counts();
  return totals;
}

}  // namespace muster
