// SPDX-License-Identifier: Apache-2.0
#include "backends/onnxruntime/backend.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "backends/onnxruntime/describe.h"
#include "backends/onnxruntime/environment.h"
#include "backends/onnxruntime/error.h"
#include "backends/onnxruntime/gpu/gpu_load.h"
#include "backends/onnxruntime/model.h"
#include "backends/onnxruntime/options.h"
#include "backends/onnxruntime/providers.h"
#include "backends/onnxruntime/session.h"
#include "base/library_file.h"
#include "base/log.h"
#include "base/memory/heap.h"
#include "base/text.h"
#include "onnx/external_files.h"
#include "onnx/outline.h"

namespace muster::onnxruntime {
namespace {

GraphOptimizationLevel runtime_level(GraphLevel level) {
  switch (level) {
    case GraphLevel::kDisabled:
      return ORT_DISABLE_ALL;
    case GraphLevel::kBasic:
      return ORT_ENABLE_BASIC;
    case GraphLevel::kExtended:
      return ORT_ENABLE_EXTENDED;
    default:
      return ORT_ENABLE_ALL;
  }
}

Ort::SessionOptions session_options(const Options& options, PoolThreads& pool_threads) {
  const auto flag = [](bool on) { return on ? "1" : "0"; };
  Ort::SessionOptions session;
  if (options.own_pool) {
    pool_threads.start_threads_of(session);
    session.SetIntraOpNumThreads(options.intra_op_threads);
    session.SetInterOpNumThreads(options.inter_op_threads);
  } else {
    session.DisablePerSessionThreads();
  }
  session.SetExecutionMode(options.parallel ? ORT_PARALLEL : ORT_SEQUENTIAL);
  session.SetGraphOptimizationLevel(runtime_level(options.graph_level));
  if (!options.arena) session.DisableCpuMemArena();
  if (!options.memory_pattern) session.DisableMemPattern();
  if (options.arena_extends_as_requested) {
    session.AddConfigEntry("session.use_env_allocators", "1");
  }
  session.AddConfigEntry("session.use_device_allocator_for_initializers",
                         flag(options.device_allocator_for_weights));
  session.AddConfigEntry("session.intra_op.allow_spinning", flag(options.intra_op_spinning));
  session.AddConfigEntry("session.inter_op.allow_spinning", flag(options.inter_op_spinning));
  session.AddConfigEntry("session.set_denormal_as_zero", flag(options.denormals_as_zero));
  session.AddConfigEntry("session.disable_prepacking", flag(!options.prepacking));
  return session;
}

std::string domain_name(const onnx::OpsetImport& opset) {
  return opset.domain.empty() ? "ai.onnx" : printable(opset.domain);
}

// The runtime's sentence on operator sets is long and names no number that the reader can act on.
Status clearer(const Status& failure, const onnx::Outline& outline) {
  constexpr std::string_view kTill = "is till opset ";
  const std::string_view message = failure.message();
  const std::size_t till = message.find(kTill);
  if (till == std::string_view::npos) return failure;
  const std::size_t number = till + kTill.size();
  const std::size_t end = message.find_first_not_of("0123456789", number);
  const std::string_view newest =
      message.substr(number, end == std::string_view::npos ? end : end - number);
  const std::int64_t limit = parse_int(newest).value_or(0);
  for (const onnx::OpsetImport& opset : outline.opsets) {
    if (limit == 0 || opset.version <= limit ||
        message.find(domain_name(opset)) == std::string_view::npos) {
      continue;
    }
    return invalid_argument("it needs operator set " + std::to_string(opset.version) + " of " +
                            domain_name(opset) + ", and ONNX Runtime " +
                            OrtGetApiBase()->GetVersionString() + " has them up to " +
                            std::string(newest) + "; export it for an older one");
  }
  return failure;
}

// OpenVINO's own format, which is what stands beside ONNX files most often.
constexpr std::string_view kIrSuffix = ".xml";

// The runtime's name of that provider.
constexpr std::string_view kTensorRtOfRuntime = "TensorrtExecutionProvider";

class OnnxRuntimeBackend final : public Backend {
 public:
  OnnxRuntimeBackend(std::shared_ptr<Environment> environment, Clock& clock)
      : environment_(std::move(environment)), clock_(clock) {}

  [[nodiscard]] std::string_view name() const override { return "onnxruntime"; }
  [[nodiscard]] std::string version() const override {
    return std::string("ONNX Runtime ") + OrtGetApiBase()->GetVersionString();
  }
  [[nodiscard]] std::string library() const override {
    return library_of(reinterpret_cast<const void*>(&OrtGetApiBase));
  }
  [[nodiscard]] std::vector<std::string> devices() const override {
    std::vector<std::string> providers;
    // What is not known is not listed.
    (void)guarded([&] { providers = Ort::GetAvailableProviders(); });
    return providers;
  }

  [[nodiscard]] Result<std::shared_ptr<const CompiledModel>> load(
      const ModelSource& source) override {
    static const ModelConfig kNoConfig;
    const ModelConfig& config = source.config != nullptr ? *source.config : kNoConfig;
    Result<Options> options = parse_options(config, source.threads, source.pooled);
    // Names its own file, where there is one.
    if (!options.ok() && !config.config_file.empty()) return options.status();
    if (!options.ok()) return options.status().with_context(printable(source.file));
    Result<std::shared_ptr<const CompiledModel>> model =
        load_file(source, config, std::move(options).value());
    if (model.ok()) return model;
    return model.status().with_context(printable(source.file));
  }

 private:
  Result<std::shared_ptr<const CompiledModel>> load_file(const ModelSource& source,
                                                         const ModelConfig& config,
                                                         Options options) {
    const std::string& file = source.file;
    for (const std::string& name : options.ignored) {
      log(LogLevel::kWarning,
          printable(file) + ": parameter '" + name + "' is for a GPU and changes nothing on a CPU");
    }
    if (file.ends_with(kIrSuffix)) {
      return invalid_argument(
          "it is a model of OpenVINO (.xml with .bin), and the onnxruntime backend reads ONNX "
          "files; lay the same model beside it as model.onnx, or name the backend openvino");
    }
    MUSTER_ASSIGN_OR_RETURN(const onnx::Outline outline, onnx::check_model_file(file));
    if (options.arena_extends_as_requested) {
      MUSTER_RETURN_IF_ERROR(environment_->share_arena_as_requested());
    }
    GpuLoad gpu(source, config);
    MUSTER_RETURN_IF_ERROR(prepare(gpu, source, options));
    Result<LoadedSession> made = make_session(source, config, options, outline, gpu);
    if (!made.ok() && !options.own_pool && lacks_shared_pool(made.status())) {
      options.own_pool = true;
      made = make_session(source, config, options, outline, gpu);
    }
    if (!made.ok()) return made.status();
    MUSTER_ASSIGN_OR_RETURN(ModelSignature signature, describe(*made->session));
    made->engines = gpu.keep_engines();
    // Loading leaves the heap with as much free memory as the file is large.
    give_heap_back();
    return std::shared_ptr<const CompiledModel>(std::make_shared<Model>(
        environment_, std::move(made).value(), std::move(signature), std::move(options), clock_));
  }

  // What no session can be made of says so where the model is loaded.
  Status prepare(GpuLoad& gpu, const ModelSource& source, const Options& options) {
    const std::vector<std::string> providers = devices();
    if (!gpu.wants_signature() || std::ranges::count(providers, kTensorRtOfRuntime) == 0)
      return gpu.prepare(nullptr);
    std::optional<Ort::Session> session;
    const Status made = guarded([&] {
      Ort::SessionOptions plain = session_options(options, environment_->pool_threads());
      plain.SetGraphOptimizationLevel(ORT_DISABLE_ALL);
      session.emplace(environment_->get(), source.file.c_str(), plain);
    });
    if (!made.ok()) return gpu.prepare(nullptr);
    MUSTER_ASSIGN_OR_RETURN(const ModelSignature signature, describe(*session));
    return gpu.prepare(&signature);
  }

  // What one try has made, and whether it came so far as to try.
  struct Made {
    std::unique_ptr<Ort::Session> session;
    bool tried = false;  // nothing before it failed
  };

  // A provider that takes part and then breaks the session is left out like one that cannot be had
  // at all: the next in the list has its turn.
  Result<LoadedSession> make_session(const ModelSource& source, const ModelConfig& config,
                                     const Options& options, const onnx::Outline& outline,
                                     GpuLoad& gpu) {
    const ProviderOrder order{config, source.accelerator_libraries, options.intra_op_threads,
                              &gpu.wishes()};
    ProviderFailures failures;
    while (true) {
      std::vector<std::string> providers;
      Made made;
      const Status created = try_session(source, options, order, failures, providers, made);
      if (created.ok()) {
        for (const std::string& line : failure_lines(order, failures))
          log(LogLevel::kWarning, line);
        LoadedSession loaded;
        for (const std::string& name : providers)
          loaded.accelerators += (loaded.accelerators.empty() ? "" : ", ") + printable(name);
        MUSTER_RETURN_IF_ERROR(guarded([&] { loaded.gpu = gpu.share(*made.session, providers); }));
        loaded.session = std::move(made.session);
        return loaded;
      }
      if (lacks_shared_pool(created)) return created;
      // Only where a session was tried is the model looked at: what fails before is no fault of it.
      if (!made.tried) return created;
      if (providers.empty()) return model_fault(clearer(created, outline));
      if (gpu.give_up_a_wish(created)) continue;
      Status model_alone;
      std::string culprit = find_culprit(source, options, order, failures, providers, model_alone);
      if (!model_alone.ok()) return model_fault(clearer(model_alone, outline));
      failures.emplace(std::move(culprit),
                       "no session can be made with it: " + std::string(created.message()));
      gpu.wish_again();
    }
  }

  // The first with which, and those before it, no session can be made, where none can be made with
  // all of `providers`. `model_alone`: what comes without any, whose fault it then is not.
  std::string find_culprit(const ModelSource& source, const Options& options,
                           const ProviderOrder& order, const ProviderFailures& failures,
                           const std::vector<std::string>& providers, Status& model_alone) {
    model_alone = try_without_providers(source, options);
    for (std::size_t count = 1; count < providers.size(); ++count) {
      ProviderFailures others = failures;
      for (std::size_t i = count; i < providers.size(); ++i)
        others.emplace(providers[i], "");
      std::vector<std::string> tried;
      Made made;
      if (!try_session(source, options, order, others, tried, made).ok())
        return providers[count - 1];
    }
    return providers.back();
  }

  Status try_session(const ModelSource& source, const Options& options, const ProviderOrder& order,
                     ProviderFailures& failures, std::vector<std::string>& providers, Made& made) {
    std::optional<Ort::SessionOptions> session;
    MUSTER_RETURN_IF_ERROR(
        guarded([&] { session.emplace(session_options(options, environment_->pool_threads())); }));
    MUSTER_ASSIGN_OR_RETURN(providers, add_providers(*environment_, order, failures, *session));
    made.tried = true;
    return guarded([&] {
      made.session =
          std::make_unique<Ort::Session>(environment_->get(), source.file.c_str(), *session);
    });
  }

  Status try_without_providers(const ModelSource& source, const Options& options) {
    return guarded([&] {
      const Ort::SessionOptions session = session_options(options, environment_->pool_threads());
      const Ort::Session tried(environment_->get(), source.file.c_str(), session);
    });
  }

  // The program that we are part of made the process's environment before us, without pools.
  static bool lacks_shared_pool(const Status& failure) {
    return failure.message().find("CreateEnvWithGlobalThreadPools") != std::string_view::npos;
  }

  // The runtime calls most faults of a model a failure of its own.
  static Status model_fault(const Status& failure) {
    if (failure.code() != StatusCode::kInternal) return failure;
    return invalid_argument(std::string(failure.message()));
  }

  const std::shared_ptr<Environment> environment_;
  Clock& clock_;
};

}  // namespace

Result<std::unique_ptr<Session>> Model::new_session() const {
  return BoundSession::create(shared_from_this());
}

Result<std::unique_ptr<Backend>> create_backend(const BackendSettings& settings, Clock& clock) {
  MUSTER_ASSIGN_OR_RETURN(std::shared_ptr<Environment> environment,
                          Environment::create(std::max(1, settings.threads)));
  return std::unique_ptr<Backend>(
      std::make_unique<OnnxRuntimeBackend>(std::move(environment), clock));
}

}  // namespace muster::onnxruntime
