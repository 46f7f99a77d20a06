// SPDX-License-Identifier: Apache-2.0
#include "app/serve/version_families.h"

#include <array>
#include <cstddef>
#include <string>
#include <utility>

namespace muster {
namespace {

using prometheus::MetricFamily;

MetricLabels labels_of(const VersionMetricsView& version) {
  return {{"model", std::string(version.model)}, {"version", std::to_string(version.version)}};
}

constexpr std::array<std::pair<ModelState, const char*>, 5> kStates = {
    {{ModelState::kUnknown, "unknown"},
     {ModelState::kLoading, "loading"},
     {ModelState::kReady, "ready"},
     {ModelState::kUnloading, "unloading"},
     {ModelState::kUnavailable, "unavailable"}}};

template <typename... Families>
void move_all(std::vector<MetricFamily>& page, Families&... families) {
  (page.push_back(std::move(families)), ...);
}

double in_microseconds(std::chrono::nanoseconds length) {
  // Whole ones, as Triton's are.
  return static_cast<double>(std::chrono::duration_cast<std::chrono::microseconds>(length).count());
}

}  // namespace

VersionFamilies::VersionFamilies()
    : requests_(counter_family("muster_requests_total", "Requests by how they ended")),
      inferences_(counter_family("muster_inferences_total", "Rows that were run")),
      request_duration_(histogram_family("muster_request_duration_seconds",
                                         "From acceptance to answer, of requests that succeeded")),
      queue_duration_(histogram_family("muster_queue_duration_seconds",
                                       "From acceptance until the batch was taken")),
      waiting_(gauge_family("muster_requests_waiting", "Accepted, in the queue")),
      in_flight_(gauge_family("muster_requests_in_flight", "In a batch that is being run")),
      batches_(counter_family("muster_batches_total", "Batches by why they were closed")),
      batches_split_(counter_family("muster_batches_split_total",
                                    "Batches that memory was too short for, run by halves")),
      batch_rows_(histogram_family("muster_batch_rows", "Rows of the batches that were run")),
      compute_duration_(
          histogram_family("muster_compute_duration_seconds", "The runtime's time for one batch")),
      stage_seconds_(counter_family("muster_batch_stage_seconds_total",
                                    "Time of batches in gather, compute and scatter")),
      state_(gauge_family("muster_model_state", "1 for the state that the model is in")),
      load_seconds_(gauge_family("muster_model_load_seconds",
                                 "How long the newest load took that ended in readiness")),
      loads_(counter_family("muster_model_loads_total", "Loads by how they ended")),
      compiled_cache_(counter_family(
          "muster_compiled_model_cache_total",
          "What loads wanted compiled, by whether the cache for compiled models had it")),
      runtime_(gauge_family("muster_model_runtime_info",
                            "1 for the runtime of the newest load, with its accelerators")),
      preparation_state_(gauge_family("muster_model_preparation_state",
                                      "1 for how far what the model runs best is prepared")),
      preparation_progress_(gauge_family("muster_model_preparation_progress_ratio",
                                         "The part of what is being compiled that is done")),
      preparations_(counter_family("muster_model_preparations_total",
                                   "What was compiled for the model, by how it ended")) {}

void VersionFamilies::add(const VersionMetricsView& version) {
  const MetricLabels labels = labels_of(version);
  add_requests(labels, version.counted);
  add_batches(labels, version.counted.batching);
  target_.add(labels, version.counted.batching.target, steady_clock().now());
  add_model(labels, version);
}

void VersionFamilies::add_requests(const MetricLabels& labels, const VersionMetrics& counted) {
  const BatchingMetrics& batching = counted.batching;
  const DurationHistogram::Snapshot succeeded = batching.succeeded.snapshot();
  const auto add = [&](const char* outcome, std::uint64_t value) {
    add_value(requests_, with_label(labels, "outcome", outcome), value);
  };
  add("success", succeeded.count());
  add("failure", batching.failed.count());
  add("expired", batching.expired.count());
  add("cancelled", batching.cancelled.count());
  add("refused", batching.refused.value());
  add("invalid", counted.not_fitting.value());
  add_value(inferences_, labels, batching.rows.value());
  add_durations(request_duration_, labels, succeeded);
  add_durations(queue_duration_, labels, batching.queue.snapshot());
  add_value(waiting_, labels, batching.waiting());
  add_value(in_flight_, labels, batching.in_flight());
}

void VersionFamilies::add_batches(const MetricLabels& labels, const BatchingMetrics& batching) {
  for (std::size_t i = 0; i < kCloseReasonCount; ++i) {
    const std::string reason(close_reason_name(static_cast<CloseReason>(i)));
    add_value(batches_, with_label(labels, "reason", reason),
              batching.batches_by_reason[i].value());
  }
  add_value(batches_split_, labels, batching.batches_split.value());
  add_sizes(batch_rows_, labels, batching.batch_rows, batching.rows.value());
  add_durations(compute_duration_, labels, batching.batch_compute.snapshot());
  std::chrono::nanoseconds gather{0};
  std::chrono::nanoseconds compute{0};
  std::chrono::nanoseconds scatter{0};
  batching.stages_by_rows.for_each([&](std::int64_t, const BatchStages& stages) {
    gather += stages.gather.total();
    compute += stages.compute.total();
    scatter += stages.scatter.total();
  });
  add_value(stage_seconds_, with_label(labels, "stage", "gather"), in_seconds(gather));
  add_value(stage_seconds_, with_label(labels, "stage", "compute"), in_seconds(compute));
  add_value(stage_seconds_, with_label(labels, "stage", "scatter"), in_seconds(scatter));
}

void VersionFamilies::add_model(const MetricLabels& labels, const VersionMetricsView& version) {
  for (const auto& [state, name] : kStates)
    add_value(state_, with_label(labels, "state", name), version.state == state ? 1.0 : 0.0);
  add_value(load_seconds_, labels, in_seconds(version.load_time));
  if (!version.runtime.empty()) {
    add_value(runtime_, with_label(labels, "runtime", std::string(version.runtime)), 1.0);
  }
  add_value(loads_, with_label(labels, "outcome", "success"), version.counted.loads.value());
  add_value(loads_, with_label(labels, "outcome", "failure"), version.counted.failed_loads.value());
  const auto of_cache = [&](const char* result, const Counter& count) {
    add_value(compiled_cache_, with_label(labels, "result", result), count.value());
  };
  of_cache("hit", version.counted.cache_hits);
  of_cache("miss", version.counted.cache_misses);
  of_cache("rebuilt", version.counted.cache_rebuilt);
  add_preparation(labels, version);
}

void VersionFamilies::add_preparation(const MetricLabels& labels,
                                      const VersionMetricsView& version) {
  for (std::size_t i = 0; i < kPreparationStateCount; ++i) {
    const auto state = static_cast<PreparationState>(i);
    add_value(preparation_state_,
              with_label(labels, "state", std::string(preparation_state_name(state))),
              version.preparation.state == state ? 1.0 : 0.0);
  }
  add_value(preparation_progress_, labels, version.preparation.done);
  const auto ended = [&](const char* outcome, const Counter& count) {
    add_value(preparations_, with_label(labels, "outcome", outcome), count.value());
  };
  ended("in_use", version.counted.preparations_in_use);
  ended("failed", version.counted.preparations_failed);
  ended("differs", version.counted.preparations_different);
  ended("given_up", version.counted.preparations_given_up);
}

void VersionFamilies::move_into(std::vector<MetricFamily>& page) {
  move_all(page, requests_, inferences_, request_duration_, queue_duration_, waiting_, in_flight_,
           batches_, batches_split_, batch_rows_, compute_duration_, stage_seconds_, state_,
           load_seconds_, loads_, compiled_cache_, runtime_, preparation_state_,
           preparation_progress_, preparations_);
  target_.move_into(page);
}

TritonFamilies::TritonFamilies()
    : success_(counter_family("nv_inference_request_success", "Requests that succeeded")),
      failure_(counter_family("nv_inference_request_failure", "Requests that did not, by reason")),
      count_(counter_family("nv_inference_count", "Rows that were run")),
      exec_count_(counter_family("nv_inference_exec_count", "Batches that were run")),
      request_duration_(counter_family("nv_inference_request_duration_us",
                                       "Microseconds of requests that succeeded, summed")),
      queue_duration_(counter_family("nv_inference_queue_duration_us",
                                     "Microseconds in the queue, summed over requests")),
      input_duration_(counter_family("nv_inference_compute_input_duration_us",
                                     "Microseconds of gathering, summed over requests")),
      infer_duration_(counter_family("nv_inference_compute_infer_duration_us",
                                     "Microseconds of the runtime, summed over requests")),
      output_duration_(counter_family("nv_inference_compute_output_duration_us",
                                      "Microseconds of scattering, summed over requests")),
      pending_(gauge_family("nv_inference_pending_request_count", "Requests in the queue")) {}

void TritonFamilies::add(const VersionMetricsView& version) {
  const MetricLabels labels = labels_of(version);
  const BatchingMetrics& batching = version.counted.batching;
  const DurationHistogram::Snapshot succeeded = batching.succeeded.snapshot();
  std::uint64_t batches = 0;
  for (const Counter& reason : batching.batches_by_reason)
    batches += reason.value();
  add_value(success_, labels, succeeded.count());
  add_value(failure_, with_label(labels, "reason", "REJECTED"),
            batching.refused.value() + batching.expired.count());
  add_value(failure_, with_label(labels, "reason", "CANCELED"), batching.cancelled.count());
  add_value(failure_, with_label(labels, "reason", "BACKEND"), batching.failed.count());
  add_value(count_, labels, batching.rows.value());
  add_value(exec_count_, labels, batches);
  add_value(request_duration_, labels, in_microseconds(succeeded.total));
  add_value(queue_duration_, labels, in_microseconds(batching.queue.total()));
  add_value(input_duration_, labels, in_microseconds(batching.gather.total()));
  add_value(infer_duration_, labels, in_microseconds(batching.compute.total()));
  add_value(output_duration_, labels, in_microseconds(batching.scatter.total()));
  add_value(pending_, labels, batching.waiting());
}

void TritonFamilies::move_into(std::vector<MetricFamily>& page) {
  move_all(page, success_, failure_, count_, exec_count_, request_duration_, queue_duration_,
           input_duration_, infer_duration_, output_duration_, pending_);
}

}  // namespace muster
