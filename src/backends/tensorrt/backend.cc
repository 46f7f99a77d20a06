// SPDX-License-Identifier: Apache-2.0
#include "backends/tensorrt/backend.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <NvInferRuntime.h>

#include "backends/tensorrt/device/cuda_device.h"
#include "backends/tensorrt/engine/trt_engine.h"
#include "backends/tensorrt/model.h"
#include "backends/tensorrt/options.h"
#include "backends/tensorrt/plan_source.h"
#include "base/caught.h"
#include "base/library_file.h"
#include "base/log.h"
#include "base/memory/heap.h"
#include "base/mutex.h"
#include "base/text.h"
#include "content_store/whole_file.h"

namespace muster::tensorrt {
namespace {

// Of a build that nobody watches: a line when it begins.
class LoggingListener final : public CompileListener {
 public:
  explicit LoggingListener(const std::string& file) : file_(file) {}

  bool on_progress(const CompileProgress& /*progress*/) override {
    if (!std::exchange(told_, true))
      log(LogLevel::kInfo, printable(file_) + ": an engine is built, which may take minutes");
    return true;
  }

 private:
  const std::string& file_;
  bool told_ = false;
};

ModelSignature signature_of(const Engine& engine) {
  ModelSignature signature;
  for (const EnginePort& port : engine.ports())
    (port.is_input ? signature.inputs : signature.outputs).push_back(port.spec);
  return signature;
}

std::string name_of(const DeviceFacts& facts) {
  return "GPU " + std::to_string(facts.index) + " (" + facts.name + ", compute capability " +
         std::to_string(facts.compute_major) + "." + std::to_string(facts.compute_minor) + ")";
}

class TensorRtBackend final : public Backend {
 public:
  explicit TensorRtBackend(Clock& clock) : clock_(clock) {}

  [[nodiscard]] std::string_view name() const override { return "tensorrt"; }
  [[nodiscard]] std::string version() const override { return "TensorRT " + tensorrt_version(); }
  [[nodiscard]] std::string library() const override {
    return library_of(reinterpret_cast<const void*>(&getInferLibVersion));
  }
  [[nodiscard]] std::vector<std::string> devices() const override {
    std::vector<std::string> names;
    const Result<int> count = cuda_device_count();
    for (int i = 0; count.ok() && i < *count; ++i) {
      if (const auto device = open_cuda_device(i); device.ok())
        names.push_back(name_of((*device)->facts()));
    }
    return names;
  }

  [[nodiscard]] Result<std::shared_ptr<const CompiledModel>> load(
      const ModelSource& source) override {
    return for_model(source, [&](const Options& options, std::shared_ptr<Device> device) {
      return load_engine(source, options, std::move(device));
    });
  }

  [[nodiscard]] Result<bool> must_compile(const ModelSource& source) override {
    return for_model(source, [&](const Options& options, const std::shared_ptr<Device>& device) {
      return must_build({source, options.build, *device});
    });
  }

  [[nodiscard]] Result<CompiledFile> compile(const ModelSource& source, const std::string& output,
                                             CompileListener& listener) override {
    return for_model(source, [&](const Options& options, const std::shared_ptr<Device>& device) {
      return compile_engine({source, options.build, *device}, output, listener);
    });
  }

  [[nodiscard]] Status forget_compiled(const ModelSource& source) override {
    const Result<bool> forgotten =
        for_model(source, [&](const Options& options, const std::shared_ptr<Device>& device) {
          const Status status = forget_engine({source, options.build, *device});
          return status.ok() ? Result<bool>(true) : Result<bool>(status);
        });
    return forgotten.status();
  }

  [[nodiscard]] Result<std::shared_ptr<const DeviceRegion>> open_region(
      std::span<const std::byte> handle, int device, std::size_t size) override {
    return open_cuda_region(handle, device, size);
  }

 private:
  // What `work` gives with the model's options and its GPU, in use on this thread.
  template <typename Work>
  auto for_model(const ModelSource& source, Work work)
      -> decltype(work(std::declval<const Options&>(), std::shared_ptr<Device>())) {
    static const ModelConfig kNoConfig;
    const ModelConfig& config = source.config != nullptr ? *source.config : kNoConfig;
    const Result<Options> options = parse_options(config, source);
    // Names its own file, where there is one.
    if (!options.ok() && !config.config_file.empty()) return options.status();
    if (!options.ok()) return options.status().with_context(printable(source.file));
    auto outcome = caught([&]() -> decltype(work(*options, std::shared_ptr<Device>())) {
      MUSTER_ASSIGN_OR_RETURN(std::shared_ptr<Device> device, device_for(options->run.device));
      return work(*options, std::move(device));
    });
    // Loading leaves the heap with as much free memory as the file is large.
    give_heap_back();
    if (outcome.ok()) return outcome;
    return outcome.status().with_context(printable(source.file));
  }

  Result<std::shared_ptr<const CompiledModel>> load_engine(const ModelSource& source,
                                                           const Options& options,
                                                           std::shared_ptr<Device> device) {
    MUSTER_ASSIGN_OR_RETURN(const std::shared_ptr<TrtRuntime> runtime, TrtRuntime::create(*device));
    LoggingListener listener(source.file);
    MUSTER_ASSIGN_OR_RETURN(ReadyEngine ready, ready_engine({source, options.build, *device},
                                                            *runtime, listener, false));
    ModelSignature signature = signature_of(*ready.engine);
    return make_model(std::move(device), std::move(ready.engine), std::move(signature), options.run,
                      std::max(1, source.sessions), clock_);
  }

  static Result<CompiledFile> compile_engine(const PlanOrder& order, const std::string& output,
                                             CompileListener& listener) {
    if (order.source.compiled_cache.empty() && output.empty())
      return invalid_argument("an engine would be built for nobody: name a file or a folder");
    MUSTER_ASSIGN_OR_RETURN(const std::shared_ptr<TrtRuntime> runtime,
                            TrtRuntime::create(order.device));
    MUSTER_ASSIGN_OR_RETURN(ReadyEngine ready,
                            ready_engine(order, *runtime, listener, !output.empty()));
    if (!output.empty()) {
      const std::string_view parts[] = {ready.plan};
      MUSTER_RETURN_IF_ERROR(write_whole_file(output, parts));
    }
    return CompiledFile{output, ready.bytes, ready.time, std::move(ready.summary)};
  }

  Result<std::shared_ptr<Device>> device_for(int index) {
    std::shared_ptr<Device> device;
    {
      const MutexLock lock(mutex_);
      std::shared_ptr<Device>& known = devices_[index];
      if (!known) {
        MUSTER_ASSIGN_OR_RETURN(known, open_cuda_device(index));
      }
      device = known;
    }
    MUSTER_RETURN_IF_ERROR(device->use_on_this_thread());
    return device;
  }

  Clock& clock_;
  Mutex mutex_;
  std::map<int, std::shared_ptr<Device>> devices_ MUSTER_GUARDED_BY(mutex_);
};

}  // namespace

Result<std::unique_ptr<Backend>> create_backend(const BackendSettings& /*settings*/, Clock& clock) {
  return std::make_unique<TensorRtBackend>(clock);
}

}  // namespace muster::tensorrt
