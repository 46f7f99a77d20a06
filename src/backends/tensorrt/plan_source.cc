// SPDX-License-Identifier: Apache-2.0
#include "backends/tensorrt/plan_source.h"

#include <chrono>
#include <filesystem>
#include <optional>
#include <utility>
#include <vector>

#include "backends/tensorrt/build/engine_build.h"
#include "backends/tensorrt/build/engine_key.h"
#include "backends/tensorrt/engine/trial_run.h"
#include "base/bounded_file.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "content_store/content_store.h"
#include "onnx/external_files.h"

namespace muster::tensorrt {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxPlanBytes = std::size_t{1} << 36;
constexpr EntryKind kEngines = {"MUSTERTR", ".engine"};
constexpr EntryKind kTimings = {"MUSTERTC", ".timing", std::uint64_t{1} << 30};

bool is_plan(const std::string& file) {
  return file.ends_with(".plan") || file.ends_with(".engine");
}

// Of the model file and its external weights.
Result<DigestBytes> digest_model(const std::string& file) {
  if (!file.ends_with(".onnx"))
    return invalid_argument("the tensorrt backend reads .plan and .onnx files");
  MUSTER_ASSIGN_OR_RETURN(const onnx::Outline outline, onnx::check_model_file(file));
  std::vector<std::string> paths = {file};
  for (const onnx::ExternalLocation& external : outline.external)
    paths.push_back((fs::path(file).parent_path() / external.location).string());
  return digest_of_files("onnx", paths);
}

// Nothing where there is no folder, or none that can be used.
std::optional<ContentStore> open_store(const std::string& folder, const EntryKind& kind) {
  if (folder.empty()) return std::nullopt;
  Result<ContentStore> store = ContentStore::open(folder, kind);
  if (store.ok()) return std::move(store).value();
  log(LogLevel::kWarning,
      "tensorrt: " + std::string(store.status().message()) + "; engines are not kept");
  return std::nullopt;
}

void keep(const std::optional<ContentStore>& store, const DigestBytes& key,
          std::string_view content, std::string_view what) {
  if (!store || content.empty()) return;
  const Status kept = store->store(key, content);
  if (kept.ok()) return;
  log(LogLevel::kWarning,
      "tensorrt: " + std::string(what) + " was not kept: " + std::string(kept.message()));
}

// One model with one set of options on one GPU.
class Source {
 public:
  Source(const PlanOrder& order, const DigestBytes& model)
      : order_(order),
        model_(model),
        key_(engine_key({model, tensorrt_version(), order.device.facts(), order.build})),
        engines_(open_store(order.source.compiled_cache, kEngines)) {}

  [[nodiscard]] bool is_kept() const { return engines_ && engines_->has(key_); }
  [[nodiscard]] Status forget() const { return engines_ ? engines_->remove(key_) : Status(); }

  // Nothing where it is to be built.
  Result<std::optional<ReadyEngine>> kept(TrtRuntime& runtime) const {
    if (!engines_) return std::optional<ReadyEngine>();
    std::string fault;
    std::optional<std::string> plan = engines_->find(key_, fault);
    if (plan) {
      Result<std::shared_ptr<const Engine>> engine = runtime.read(*plan);
      const Status runs = engine.ok() ? try_on_zeros(order_.device, **engine) : engine.status();
      if (runs.ok()) {
        ReadyEngine ready;
        ready.engine = std::move(engine).value();
        ready.bytes = plan->size();
        ready.plan = *std::move(plan);
        return std::optional(std::move(ready));
      }
      // These say nothing of the entry.
      if (runs.code() == kBrokenForGood || runs.code() == StatusCode::kResourceExhausted)
        return runs;
      fault = std::string(runs.message());
    }
    if (!fault.empty()) {
      log(LogLevel::kWarning,
          printable(order_.source.file) +
              ": the engine that was kept is not used but built anew: " + fault);
    }
    return std::optional<ReadyEngine>();
  }

  Result<ReadyEngine> built(TrtRuntime& runtime, CompileListener& listener) const {
    const std::optional<ContentStore> timings = open_store(order_.source.compiled_cache, kTimings);
    const DigestBytes timing = timing_key(tensorrt_version(), order_.device.facts());
    std::string fault;
    std::optional<std::string> measured;
    if (timings) measured = timings->find(timing, fault);
    const Clock::TimePoint begun = steady_clock().now();
    MUSTER_ASSIGN_OR_RETURN(BuiltEngine engine,
                            build_engine({order_.source.file, order_.build, order_.device,
                                          std::move(measured).value_or(std::string()), listener}));
    const auto took =
        std::chrono::duration_cast<std::chrono::milliseconds>(steady_clock().now() - begun);
    ReadyEngine ready{nullptr, std::move(engine.plan), 0, true, took, std::move(engine.summary)};
    ready.bytes = ready.plan.size();
    MUSTER_ASSIGN_OR_RETURN(ready.engine, runtime.read(ready.plan));
    keep(timings, timing, engine.timing_cache, "what the builder measured");
    // Under a key of what is there no more, it would be another model's.
    const Result<DigestBytes> now = digest_model(order_.source.file);
    if (now.ok() && *now == model_) {
      keep(engines_, key_, ready.plan, "an engine");
    } else {
      log(LogLevel::kWarning, printable(order_.source.file) +
                                  ": it changed while its engine was built, which is not kept");
    }
    return ready;
  }

 private:
  const PlanOrder& order_;
  const DigestBytes model_;
  const DigestBytes key_;
  const std::optional<ContentStore> engines_;
};

Result<ReadyEngine> engine_of_plan(const PlanOrder& order, TrtRuntime& runtime) {
  ReadyEngine ready;
  MUSTER_ASSIGN_OR_RETURN(ready.plan, read_bounded(order.source.file, kMaxPlanBytes));
  ready.bytes = ready.plan.size();
  MUSTER_ASSIGN_OR_RETURN(ready.engine, runtime.read(ready.plan));
  return ready;
}

Result<ReadyEngine> engine_of_onnx(const PlanOrder& order, TrtRuntime& runtime,
                                   CompileListener& listener, bool for_load) {
  MUSTER_ASSIGN_OR_RETURN(const DigestBytes model, digest_model(order.source.file));
  const Source source(order, model);
  MUSTER_ASSIGN_OR_RETURN(std::optional<ReadyEngine> kept, source.kept(runtime));
  if (kept) return *std::move(kept);
  if (for_load && order.source.compiled_cache.empty()) {
    log(LogLevel::kWarning, printable(order.source.file) +
                                ": its engine is built at every load: no folder is given for what "
                                "is compiled");
  }
  return source.built(runtime, listener);
}

}  // namespace

Result<bool> must_build(const PlanOrder& order) {
  if (is_plan(order.source.file)) return false;
  MUSTER_ASSIGN_OR_RETURN(const DigestBytes model, digest_model(order.source.file));
  return !Source(order, model).is_kept();
}

Status forget_engine(const PlanOrder& order) {
  if (is_plan(order.source.file)) return {};
  MUSTER_ASSIGN_OR_RETURN(const DigestBytes model, digest_model(order.source.file));
  return Source(order, model).forget();
}

Result<ReadyEngine> ready_engine(const PlanOrder& order, TrtRuntime& runtime,
                                 CompileListener& listener, bool with_plan) {
  Result<ReadyEngine> ready = is_plan(order.source.file)
                                  ? engine_of_plan(order, runtime)
                                  : engine_of_onnx(order, runtime, listener, !with_plan);
  // As large as the model once more.
  if (ready.ok() && !with_plan) ready->plan = std::string();
  return ready;
}

}  // namespace muster::tensorrt
