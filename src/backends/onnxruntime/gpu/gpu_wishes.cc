// SPDX-License-Identifier: Apache-2.0
#include "backends/onnxruntime/gpu/gpu_wishes.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include "base/text.h"

namespace muster::onnxruntime {
namespace {

// Where nothing is said: as the tensorrt backend has it.
constexpr std::int64_t kUsualMaxBatchSize = 64;
constexpr std::string_view kShapes[] = {"trt_profile_min_shapes", "trt_profile_opt_shapes",
                                        "trt_profile_max_shapes"};

bool is_off(std::string_view text) {
  return text == "0" || text == "false" || text == "False";
}

std::string_view said(const ExecutionAccelerator& accelerator, std::string_view name) {
  const auto found = accelerator.parameters.find(name);
  return found == accelerator.parameters.end() ? std::string_view() : found->second;
}

std::string_view graph_switch(std::string_view name) {
  return name == kTensorRtProvider ? "trt_cuda_graph_enable" : "enable_cuda_graph";
}

// FP32 without TF32 is what CUDA alone can be asked for.
std::string precision_of(const ExecutionAccelerator& accelerator) {
  if (accelerator.name == kTensorRtProvider)
    return said(accelerator, "precision_mode") == "FP16" ? "f16" : "tf32";
  return is_off(said(accelerator, "use_tf32")) ? "" : "tf32";
}

int graph_limit_of(const ExecutionAccelerator& accelerator) {
  if (is_off(said(accelerator, graph_switch(accelerator.name)))) return 0;
  const std::optional<std::int64_t> limit = parse_int(said(accelerator, kGraphLimitName));
  constexpr std::int64_t kMost = 1 << 20;
  return limit ? static_cast<int>(std::clamp<std::int64_t>(*limit, 0, kMost)) : kMaxGraphs;
}

bool is_gpu(const ExecutionAccelerator& accelerator) {
  return accelerator.name == kCudaProvider || accelerator.name == kTensorRtProvider;
}

// "a:2x3,b:2" with that batch.
std::string shapes_text(const ModelSignature& signature, std::int64_t rows) {
  std::string text;
  for (const TensorSpec& input : signature.inputs) {
    text += (text.empty() ? "" : ",") + input.name + ":";
    for (std::size_t axis = 0; axis < input.shape.rank(); ++axis) {
      const std::int64_t dim = input.shape[axis] == kDynamicDim ? rows : input.shape[axis];
      text += (axis == 0 ? "" : "x") + std::to_string(dim);
    }
  }
  return text;
}

bool only_batch_is_open(const ModelSignature& signature) {
  bool any = false;
  for (const TensorSpec& input : signature.inputs) {
    for (std::size_t axis = 0; axis < input.shape.rank(); ++axis) {
      if (input.shape[axis] != kDynamicDim) continue;
      if (axis != 0) return false;
      any = true;
    }
  }
  return any;
}

}  // namespace

GpuOrder gpu_order(const ModelConfig& config) {
  GpuOrder order;
  for (const ExecutionAccelerator& accelerator : config.accelerators) {
    if (!is_gpu(accelerator)) continue;
    if (!order.any) {
      order.device = static_cast<int>(parse_int(said(accelerator, "device_id")).value_or(0));
      order.graph_limit = graph_limit_of(accelerator);
    }
    order.any = true;
    if (accelerator.name != kTensorRtProvider) continue;
    order.builds = true;
    order.has_shapes = std::ranges::any_of(
        kShapes, [&](std::string_view name) { return accelerator.parameters.contains(name); });
  }
  return order;
}

std::string precision_of(const ModelConfig& config, const std::vector<std::string>& running) {
  std::string precision;
  for (const ExecutionAccelerator& accelerator : config.accelerators) {
    if (!is_gpu(accelerator) || std::ranges::count(running, accelerator.name) == 0) continue;
    const std::string computes_in = precision_of(accelerator);
    // The coarsest of them is what an output may have gone through.
    if (computes_in == "f16" || precision.empty()) precision = computes_in;
  }
  return precision;
}

ProviderParameters with_wishes(std::string_view name, ProviderParameters parameters,
                               const GpuWishes& wishes, bool records) {
  if (name != kCudaProvider && name != kTensorRtProvider) return parameters;
  parameters.insert_or_assign(std::string(graph_switch(name)),
                              wishes.graphs && records ? "1" : "0");
  if (name != kTensorRtProvider) return parameters;
  parameters.insert(wishes.shapes.begin(), wishes.shapes.end());
  if (wishes.engine_folder.empty()) return parameters;
  for (const char* const kept : {"trt_engine_cache", "trt_timing_cache"}) {
    parameters[std::string(kept) + "_enable"] = "1";
    parameters[std::string(kept) + "_path"] = wishes.engine_folder;
  }
  return parameters;
}

ProviderParameters batch_shapes(const ModelSignature& signature, const BatchingOptions& batching) {
  const bool is_nameable = std::ranges::all_of(signature.inputs, [](const TensorSpec& input) {
    return input.name.find_first_of(":, ") == std::string::npos;
  });
  if (!is_nameable || !only_batch_is_open(signature)) return {};
  const std::int64_t most =
      batching.max_batch_size > 0 ? batching.max_batch_size : kUsualMaxBatchSize;
  std::int64_t best = most;
  if (!batching.preferred_batch_sizes.empty())
    best = std::clamp(batching.preferred_batch_sizes.back(), std::int64_t{1}, most);
  return {{std::string(kShapes[0]), shapes_text(signature, 1)},
          {std::string(kShapes[1]), shapes_text(signature, best)},
          {std::string(kShapes[2]), shapes_text(signature, most)}};
}

}  // namespace muster::onnxruntime
