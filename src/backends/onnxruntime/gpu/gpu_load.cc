// SPDX-License-Identifier: Apache-2.0
#include "backends/onnxruntime/gpu/gpu_load.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include <dlfcn.h>

#include "backends/onnxruntime/gpu/cuda_driver.h"
#include "base/log.h"
#include "base/text.h"

namespace muster::onnxruntime {
namespace {

// Of the library that the TensorRT provider opens; "" where it is not there.
std::string tensorrt_version() {
  void* const library = dlopen("libnvinfer.so.10", RTLD_LAZY | RTLD_LOCAL);
  if (library == nullptr) return {};
  const auto version = reinterpret_cast<int (*)()>(dlsym(library, "getInferLibVersion"));
  return version == nullptr ? std::string() : std::to_string(version());
}

// Everything that the configuration says of accelerators: whatever decides an engine is in it.
std::string text_of(const ModelConfig& config, const GpuWishes& wishes) {
  std::string text;
  for (const ExecutionAccelerator& accelerator : config.accelerators) {
    text += accelerator.name + '\n';
    for (const auto& [name, value] : accelerator.parameters)
      text += ' ' + name + '=' + value + '\n';
  }
  for (const auto& [name, value] : wishes.shapes)
    text += name + '=' + value + '\n';
  const auto level = config.parameters.find("session.graph_level");
  return level == config.parameters.end() ? text : text + level->second;
}

bool is_about(const Status& failure, std::string_view words) {
  return failure.message().find(words) != std::string_view::npos;
}

}  // namespace

GpuLoad::GpuLoad(const ModelSource& source, const ModelConfig& config)
    : source_(source), config_(config), order_(gpu_order(config)) {}

Status GpuLoad::prepare(const ModelSignature* signature) {
  if (!order_.any) return {};
  Result<std::shared_ptr<Gpu>> gpu = open_gpu(order_.device);
  if (gpu.ok()) {
    gpu_ = std::move(gpu).value();
    free_before_ = gpu_->free_bytes();
  } else {
    // The provider itself says so in its own words, or does without.
    log(LogLevel::kDebug, "onnxruntime: " + std::string(gpu.status().message()));
  }
  wish_again();
  if (signature != nullptr) wishes_.shapes = batch_shapes(*signature, config_.batching);
  const std::string tensorrt = order_.builds && gpu_ != nullptr ? tensorrt_version() : "";
  if (tensorrt.empty()) return {};
  MUSTER_ASSIGN_OR_RETURN(
      const DigestBytes key,
      engine_key(source_.file,
                 std::string(OrtGetApiBase()->GetVersionString()) + ", TensorRT " + tensorrt,
                 gpu_->identity(), text_of(config_, wishes_)));
  MUSTER_ASSIGN_OR_RETURN(engines_, EngineFolder::make(source_.compiled_cache, key, source_.file));
  wishes_.engine_folder = engines_->path();
  return {};
}

bool GpuLoad::give_up_a_wish(const Status& failure) {
  if (wishes_.graphs && is_about(failure, "graph capture")) {
    wishes_.graphs = false;
    return true;
  }
  if (engines_ && engines_->is_filled()) {
    log(LogLevel::kWarning, printable(source_.file) +
                                ": the engines that were kept are not used but built anew: " +
                                std::string(failure.message()));
    return engines_->forget().ok();
  }
  if (!wishes_.shapes.empty()) {
    wishes_.shapes.clear();
    return true;
  }
  return std::exchange(wishes_.graphs, false);
}

std::unique_ptr<GpuShare> GpuLoad::share(const Ort::Session& session,
                                         const std::vector<std::string>& running) const {
  if (running.empty()) return nullptr;
  GpuShare::Setup setup;
  const bool on_gpu = std::ranges::any_of(running, [](const std::string& name) {
    return name == kCudaProvider || name == kTensorRtProvider;
  });
  if (on_gpu) {
    setup.gpu = gpu_;
    setup.graphs = wishes_.graphs;
    setup.graph_limit = order_.graph_limit;
    setup.precision = precision_of(config_, running);
  }
  setup.places = places_of(session, setup.gpu.get());
  const auto is_host = [](Place place) { return place == Place::kHost; };
  if (!on_gpu && std::ranges::all_of(setup.places.inputs, is_host)) return nullptr;
  if (setup.gpu != nullptr) {
    const std::uint64_t left = setup.gpu->free_bytes();
    setup.load_bytes = free_before_ > left ? free_before_ - left : 0;
  }
  return std::make_unique<GpuShare>(std::move(setup));
}

std::unique_ptr<EngineFolder> GpuLoad::keep_engines() {
  if (engines_) engines_->keep();
  return std::move(engines_);
}

}  // namespace muster::onnxruntime
