// SPDX-License-Identifier: Apache-2.0
#include "app/advise/subject_bench.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "app/subject/ways.h"
#include "base/caught.h"
#include "base/memory/heap.h"
#include "measuring/measure_batches.h"
#include "measuring/session_crew.h"
#include "model_config/model_config.h"
#include "model_config/rewriting/rewrite.h"
#include "serving/backend_library.h"
#include "serving/warm_up.h"

namespace muster {
namespace {

constexpr double kMebibyte = 1 << 20;
// Of a measurement, the part that warms up; no more than this.
constexpr int kWarmUpPart = 5;
constexpr std::chrono::milliseconds kLongestWarmUp{200};

Reading reading_of(const CrewMeasurement& measured, std::uint64_t resident_before) {
  Reading reading;
  reading.figures = {measured.items_per_second, measured.latency.percentile(50).count(),
                     measured.latency.percentile(99).count(), measured.cpu_us_per_item};
  if (measured.resident_bytes > resident_before) {
    reading.memory_mib = static_cast<double>(measured.resident_bytes - resident_before) / kMebibyte;
  }
  return reading;
}

}  // namespace

Result<std::shared_ptr<Backend>> SubjectBench::backend(const std::string& name) {
  const std::string runs_it = parse_way(name, {}).backend;
  std::shared_ptr<Backend>& kept = backends_[runs_it];
  if (!kept) {
    MUSTER_ASSIGN_OR_RETURN(kept, open_backend(runs_it, {order_.thread_budget}));
  }
  return kept;
}

Result<Contender> SubjectBench::load(const std::string& config_text) {
  const std::string file =
      subject_.config_path().empty() ? "the configuration" : subject_.config_path();
  MUSTER_ASSIGN_OR_RETURN(const ParsedConfig config,
                          parse_model_config(config_text, {file, subject_.name()}));
  const std::string& named = config.config().backend;
  MUSTER_ASSIGN_OR_RETURN(auto runs_it, backend(named.empty() ? subject_.backend() : named));
  // Where a load builds engines: they are the same in every process.
  const bool builds = runs_it->name() == "tensorrt" || !config.config().accelerators.empty();
  return subject_.load_as_served(std::move(runs_it), config, order_.thread_budget,
                                 builds ? order_.compiled_cache : std::string());
}

Result<Contender> SubjectBench::load(const Setup& setup) {
  MUSTER_ASSIGN_OR_RETURN(
      const RewrittenConfig config,
      rewrite_config(order_.config_text,
                     settings_of(setup, std::nullopt, order_.thread_budget, order_.own)));
  return load(config.text);
}

Result<std::string> SubjectBench::look_at_rows(const Contender& contender) {
  const ModelSignature& signature = contender.model->signature();
  const auto inputs = SampleInputs::make(signature, contender.stacked, 1, order_.shapes,
                                         usage_.available_bytes() / 2);
  MUSTER_RETURN_IF_ERROR(Status(inputs.status()));
  if (!contender.stacked) return std::string(no_batch_axis(contender).message());
  if (contender.config.batching.max_batch_size == 0)
    return std::string("batching is off in the configuration, or not sure to be possible");
  WarmUpFindings found = warm_up(*contender.model, contender.config, WarmUpExtent::kProbe,
                                 WarmUpPace::kQuick, clock_, WarmUpLimits());
  MUSTER_RETURN_IF_ERROR(std::move(found.broken));
  return std::move(found.not_mergeable);
}

std::vector<std::int64_t> SubjectBench::sizes_of(const Opened& opened) const {
  if (!order_.batch_sizes.empty()) return order_.batch_sizes;
  if (!opened.single_rows.empty()) return {1};
  return doubling_sizes(std::max(kDefaultMaxBatchSize, opened.contender.max_batch_size));
}

Result<std::vector<std::int64_t>> SubjectBench::open(const Setup& setup) {
  // The runtime's own memory is there before, and what earlier setups have left is given back.
  MUSTER_RETURN_IF_ERROR(backend(setup.backend).status());
  give_heap_back();
  Opened opened;
  opened.resident_before = usage_.resident_bytes();
  auto contender = caught([&] {
    // Several are there at the same time: the last must not be the end of all.
    const MemoryBound bound(usage_.available_bytes());
    return load(setup);
  });
  if (!contender.ok()) return std::move(contender).status();
  opened.contender = *std::move(contender);
  MUSTER_ASSIGN_OR_RETURN(opened.single_rows,
                          caught([&] { return look_at_rows(opened.contender); }));
  single_rows_ = opened.single_rows;
  std::vector<std::int64_t> sizes = sizes_of(opened);
  opened_.insert_or_assign(setup, std::move(opened));
  return sizes;
}

void SubjectBench::close(const Setup& setup) {
  opened_.erase(setup);
}

Result<Reading> SubjectBench::measure_now(const Opened& opened, const Candidate& candidate,
                                          int instances, Clock::Duration length) {
  const std::int64_t rows = candidate.batch_size;
  if (rows != 1 && !opened.single_rows.empty()) return failed_precondition(opened.single_rows);
  const Contender& contender = opened.contender;
  const auto sessions = static_cast<std::size_t>(
      std::max(1, instances) * std::max(1, contender.model->sessions_per_instance()));
  // The inputs are there once more in each session.
  MUSTER_ASSIGN_OR_RETURN(
      const SampleInputs inputs,
      SampleInputs::make(contender.model->signature(), contender.stacked, rows, order_.shapes,
                         usage_.available_bytes() / (sessions + 1)));
  const MemoryBound bound(usage_.available_bytes());
  CrewOrder crew{sessions, rows, {}};
  crew.extent.warm_up = std::min<Clock::Duration>(length / kWarmUpPart, kLongestWarmUp);
  crew.extent.duration = length - crew.extent.warm_up;
  MUSTER_ASSIGN_OR_RETURN(const CrewMeasurement measured,
                          measure_crew(*contender.model, inputs, crew, clock_, usage_));
  return reading_of(measured, opened.resident_before);
}

Result<Reading> SubjectBench::measure(const Candidate& candidate, int instances,
                                      Clock::Duration length) {
  const auto opened = opened_.find(candidate.setup);
  if (opened == opened_.end()) return internal_error("the setup is not open");
  return caught([&] { return measure_now(opened->second, candidate, instances, length); });
}

Status SubjectBench::try_out(const std::string& config_text, std::int64_t rows) {
  return caught([&]() -> Status {
    Opened opened;
    MUSTER_ASSIGN_OR_RETURN(opened.contender, load(config_text));
    const Candidate candidate{{}, rows};
    return measure_now(opened, candidate, 1, {}).status();
  });
}

}  // namespace muster
