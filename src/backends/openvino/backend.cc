// SPDX-License-Identifier: Apache-2.0
#include "backends/openvino/backend.h"

#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <openvino/core/version.hpp>
#include <openvino/runtime/properties.hpp>

#include "backends/openvino/compile.h"
#include "backends/openvino/error.h"
#include "backends/openvino/integer_range.h"
#include "backends/openvino/model.h"
#include "backends/openvino/model_files.h"
#include "backends/openvino/options.h"
#include "backends/openvino/session.h"
#include "base/library_file.h"
#include "base/log.h"
#include "base/memory/heap.h"
#include "base/text.h"

namespace muster::openvino {
namespace {

// "2026.4.1" of "2026.4.1-22982-1a2b3c-releases/2026/4".
std::string runtime_version() {
  const std::string_view build = ov::get_openvino_version().buildNumber;
  return std::string(build.substr(0, build.find('-')));
}

void warn_of(const std::string& file, const ModelSignature& signature, const Options& options) {
  for (const std::string& name : options.ignored) {
    log(LogLevel::kWarning, printable(file) + ": parameter '" + name + "' changes nothing here");
  }
  for (const auto* list : {&signature.inputs, &signature.outputs}) {
    for (const TensorSpec& tensor : *list) {
      if (tensor.type != DataType::kFp64) continue;
      log(LogLevel::kWarning, printable(file) + ": '" + printable(tensor.name) +
                                  "' is FP64, which OpenVINO computes as FP32 on a CPU");
    }
  }
  // Inputs are checked in each run; what the model computes cannot be seen.
  for (const TensorSpec& output : signature.outputs) {
    if (!is_narrowed(output.type)) continue;
    log(LogLevel::kWarning, printable(file) + ": '" + printable(output.name) + "' is " +
                                std::string(data_type_name(output.type)) +
                                ", which OpenVINO computes as INT32 on a CPU: a result beyond 32 "
                                "bits would be wrong");
  }
}

ComputeThreads threads_of(const Options& options) {
  // Each stream runs on a thread that calls.
  const int others = options.threads - options.streams;
  return {options.threads / options.streams, options.own_threads ? others : 0};
}

class OpenVinoBackend final : public Backend {
 public:
  OpenVinoBackend(std::shared_ptr<Runtime> runtime, Clock& clock)
      : runtime_(std::move(runtime)), clock_(clock) {}

  [[nodiscard]] std::string_view name() const override { return "openvino"; }
  [[nodiscard]] std::string version() const override { return "OpenVINO " + runtime_version(); }
  [[nodiscard]] std::string library() const override {
    return library_of(reinterpret_cast<const void*>(&ov::get_openvino_version));
  }
  [[nodiscard]] std::vector<std::string> devices() const override {
    std::vector<std::string> devices;
    // What is not known is not listed.
    (void)guarded([&] {
      for (const std::string& device : runtime_->core.get_available_devices())
        devices.push_back(device + " (" +
                          runtime_->core.get_property(device, ov::device::full_name) + ")");
    });
    return devices;
  }

  [[nodiscard]] Result<std::shared_ptr<const CompiledModel>> load(
      const ModelSource& source) override {
    static const ModelConfig kNoConfig;
    const ModelConfig& config = source.config != nullptr ? *source.config : kNoConfig;
    const Result<Options> options = parse_options(config, source);
    // Names its own file, where there is one.
    if (!options.ok() && !config.config_file.empty()) return options.status();
    if (!options.ok()) return options.status().with_context(printable(source.file));
    Result<std::shared_ptr<const CompiledModel>> model = internal_error("nothing was loaded");
    runtime_->loader.run([&] {
      Status threw = guarded([&] { model = load_file(source, config, *options); });
      if (!threw.ok()) model = std::move(threw);
    });
    // Loading leaves the heap with as much free memory as the file is large.
    give_heap_back();
    if (model.ok()) return model;
    return model.status().with_context(printable(source.file));
  }

 private:
  Result<std::shared_ptr<const CompiledModel>> load_file(const ModelSource& source,
                                                         const ModelConfig& config,
                                                         const Options& options) {
    MUSTER_ASSIGN_OR_RETURN(const ModelFiles files, find_model_files(source.file));
    std::optional<ContentStore> cache;
    if (!source.compiled_cache.empty()) {
      Result<ContentStore> opened = ContentStore::open(source.compiled_cache, kCompiledModels);
      if (!opened.ok()) {
        log(LogLevel::kWarning, "openvino: " + std::string(opened.status().message()) +
                                    "; compiled models are not kept");
      } else {
        cache = std::move(opened).value();
      }
    }
    if (options.own_threads) runtime_->workers.raise_to(options.threads);
    Result<Compilation> made =
        openvino::compile(runtime_->core, {files, config, options, std::move(cache)});
    if (!made.ok()) return model_fault(made.status());
    warn_of(source.file, made->signature, options);
    return std::shared_ptr<const CompiledModel>(std::make_shared<Model>(
        runtime_, std::move(made->variants), std::move(made->known_shapes),
        std::move(made->signature), made->padded_batch_size, threads_of(options),
        std::move(made->precision), made->cache_use, clock_));
  }

  // The runtime calls most faults of a model a failure of its own.
  static Status model_fault(const Status& failure) {
    if (failure.code() != StatusCode::kInternal) return failure;
    return invalid_argument(std::string(failure.message()));
  }

  const std::shared_ptr<Runtime> runtime_;
  Clock& clock_;
};

}  // namespace

Result<std::unique_ptr<Session>> Model::new_session() const {
  std::unique_ptr<Session> session;
  MUSTER_RETURN_IF_ERROR(
      guarded([&] { session = std::make_unique<InferSession>(shared_from_this()); }));
  return session;
}

Result<std::unique_ptr<Backend>> create_backend(const BackendSettings& settings, Clock& clock) {
  std::unique_ptr<Backend> backend;
  MUSTER_RETURN_IF_ERROR(guarded([&] {
    auto runtime = std::make_shared<Runtime>(settings.threads);
    // A mapped file that somebody cuts short would end the process.
    runtime->core.set_property(ov::enable_mmap(false));
    // Also the proof that the plugin for the CPU is there.
    runtime->core.get_property("CPU", ov::device::full_name);
    backend = std::make_unique<OpenVinoBackend>(std::move(runtime), clock);
  }));
  return backend;
}

}  // namespace muster::openvino
