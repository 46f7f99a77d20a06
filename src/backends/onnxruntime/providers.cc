// SPDX-License-Identifier: Apache-2.0
#include "backends/onnxruntime/providers.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "backends/onnxruntime/error.h"
#include "base/log.h"
#include "base/text.h"

namespace muster::onnxruntime {
namespace {

// How a parameter's text becomes the provider's; nothing where it is not one of its values.
using Convert = std::optional<std::string> (*)(std::string_view text);

std::optional<std::string> as_number(std::string_view text) {
  const std::optional<std::int64_t> value = parse_int(text);
  if (!value || *value < 0) return std::nullopt;
  return std::to_string(*value);
}

std::optional<std::string> as_flag(std::string_view text) {
  if (text == "1" || text == "true" || text == "True") return "1";
  if (text == "0" || text == "false" || text == "False") return "0";
  return std::nullopt;
}

std::optional<std::string> as_shapes(std::string_view text) {
  const bool fits =
      !text.empty() && std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
  return fits ? std::optional(std::string(text)) : std::nullopt;
}

struct Parameter {
  std::string_view name;
  std::string_view key;  // the provider's; "" = it is for us (gpu_wishes.h)
  std::string_view values;
  Convert convert;
};

constexpr Parameter kOpenVino[] = {
    {"device_type", "device_type", "CPU or CPU_FP32",
     [](std::string_view text) -> std::optional<std::string> {
       if (text != "CPU" && text != "CPU_FP32") return std::nullopt;
       return "CPU";
     }},
    {"precision", "precision", "FP32 or ACCURACY",
     [](std::string_view text) -> std::optional<std::string> {
       if (text != "FP32" && text != "ACCURACY") return std::nullopt;
       return std::string(text);
     }},
    {"num_of_threads", "num_of_threads", "a number", as_number},
    {"num_streams", "num_streams", "a number", as_number},
};

constexpr Parameter kCuda[] = {
    {"device_id", "device_id", "a number", as_number},
    {"gpu_mem_limit", "gpu_mem_limit", "a number of bytes", as_number},
    {"arena_extend_strategy", "arena_extend_strategy", "0 or 1",
     [](std::string_view text) -> std::optional<std::string> {
       if (text == "0") return "kNextPowerOfTwo";
       if (text == "1") return "kSameAsRequested";
       return std::nullopt;
     }},
    {"cudnn_conv_algo_search", "cudnn_conv_algo_search", "0, 1 or 2",
     [](std::string_view text) -> std::optional<std::string> {
       if (text == "0") return "EXHAUSTIVE";
       if (text == "1") return "HEURISTIC";
       if (text == "2") return "DEFAULT";
       return std::nullopt;
     }},
    {"cudnn_conv_use_max_workspace", "cudnn_conv_use_max_workspace", "0 or 1", as_flag},
    {"do_copy_in_default_stream", "do_copy_in_default_stream", "0 or 1", as_flag},
    {"use_tf32", "use_tf32", "0 or 1", as_flag},
    {"enable_cuda_graph", "enable_cuda_graph", "0 or 1", as_flag},
    {kGraphLimitName, "", "a number of CUDA graphs", as_number},
};

constexpr Parameter kTensorRt[] = {
    {"precision_mode", "trt_fp16_enable", "FP32 or FP16",
     [](std::string_view text) -> std::optional<std::string> {
       if (text != "FP32" && text != "FP16") return std::nullopt;
       return text == "FP16" ? "1" : "0";
     }},
    {"max_workspace_size_bytes", "trt_max_workspace_size", "a number of bytes", as_number},
    {"device_id", "device_id", "a number", as_number},
    {"trt_profile_min_shapes", "trt_profile_min_shapes", "shapes", as_shapes},
    {"trt_profile_opt_shapes", "trt_profile_opt_shapes", "shapes", as_shapes},
    {"trt_profile_max_shapes", "trt_profile_max_shapes", "shapes", as_shapes},
    {"trt_builder_optimization_level", "trt_builder_optimization_level", "a number", as_number},
    {"trt_cuda_graph_enable", "trt_cuda_graph_enable", "0 or 1", as_flag},
    {kGraphLimitName, "", "a number of CUDA graphs", as_number},
};

struct Provider {
  std::string_view name;     // ours, and Triton's
  std::string_view runtime;  // the runtime's own
  std::string_view package;  // what to install
  std::span<const Parameter> parameters;
};

constexpr Provider kProviders[] = {
    {"openvino", "OpenVINOExecutionProvider",
     "an ONNX Runtime that was built with it (the Python package onnxruntime-openvino holds one) "
     "and build Muster with ONNXRUNTIME_ROOT at it, or use the backend openvino instead",
     kOpenVino},
    {"cuda", "CUDAExecutionProvider",
     "an ONNX Runtime for GPUs (the Python package onnxruntime-gpu holds one) and CUDA", kCuda},
    {"tensorrt", "TensorrtExecutionProvider",
     "an ONNX Runtime for GPUs (the Python package onnxruntime-gpu holds one), CUDA and TensorRT's "
     "libnvinfer.so.10",
     kTensorRt},
};

const Provider* find_provider(std::string_view name) {
  const auto* found = std::ranges::find(kProviders, name, &Provider::name);
  return found == std::end(kProviders) ? nullptr : found;
}

std::string place_of(const ModelConfig& config, const ExecutionAccelerator& accelerator) {
  constexpr std::size_t kMaxPlaceBytes = 1000;
  std::string place;
  if (!config.config_file.empty() && accelerator.line > 0) {
    place = config.config_file + ":" + std::to_string(accelerator.line) + ": ";
  }
  return printable(place + "execution accelerator '" + accelerator.name + "'", kMaxPlaceBytes);
}

Status unknown_parameter(const std::string& place, const Provider& provider,
                         std::string_view name) {
  if (name == "trt_engine_cache_enable" || name == "trt_engine_cache_path") {
    return invalid_argument(place + ": parameter '" + std::string(name) +
                            "' is refused: the provider's cache gives models with the same graph "
                            "and other weights each other's engines. The server's "
                            "--compiled-model-cache keeps them, for each model its own");
  }
  std::vector<std::string_view> known;
  for (const Parameter& parameter : provider.parameters)
    known.push_back(parameter.name);
  const std::string_view near = nearest(name, known);
  return invalid_argument(place + " has no parameter '" + printable(name) + "'; " +
                          (near.empty() ? "docs/backends.md lists those that it takes"
                                        : "did you mean '" + std::string(near) + "'?"));
}

std::unordered_map<std::string, std::string> unordered(const ProviderParameters& parameters) {
  return {parameters.begin(), parameters.end()};
}

// With the runtime's own two calls, whose options have no other door.
template <typename Options>
void append_by_options(const ProviderParameters& parameters, OrtStatus* (*create)(Options**),
                       OrtStatus* (*update)(Options*, const char* const*, const char* const*,
                                            std::size_t),
                       void (*release)(Options*),
                       const std::function<void(const Options&)>& append) {
  Options* made = nullptr;
  Ort::ThrowOnError(create(&made));
  const std::unique_ptr<Options, void (*)(Options*)> options(made, release);
  std::vector<const char*> keys;
  std::vector<const char*> values;
  for (const auto& [key, value] : parameters) {
    keys.push_back(key.c_str());
    values.push_back(value.c_str());
  }
  Ort::ThrowOnError(update(options.get(), keys.data(), values.data(), keys.size()));
  append(*options);
}

Status append_built_in(const Provider& provider, const ProviderParameters& parameters,
                       Ort::SessionOptions& session) {
  const std::vector<std::string> available = Ort::GetAvailableProviders();
  if (std::ranges::find(available, provider.runtime) == available.end()) {
    return failed_precondition("ONNX Runtime " + std::string(OrtGetApiBase()->GetVersionString()) +
                               " here has no " + std::string(provider.runtime));
  }
  const OrtApi& api = Ort::GetApi();
  return guarded([&] {
    if (provider.name == "cuda") {
      append_by_options<OrtCUDAProviderOptionsV2>(
          parameters, api.CreateCUDAProviderOptions, api.UpdateCUDAProviderOptions,
          api.ReleaseCUDAProviderOptions, [&](const OrtCUDAProviderOptionsV2& options) {
            session.AppendExecutionProvider_CUDA_V2(options);
          });
    } else if (provider.name == "tensorrt") {
      append_by_options<OrtTensorRTProviderOptionsV2>(
          parameters, api.CreateTensorRTProviderOptions, api.UpdateTensorRTProviderOptions,
          api.ReleaseTensorRTProviderOptions, [&](const OrtTensorRTProviderOptionsV2& options) {
            session.AppendExecutionProvider_TensorRT_V2(options);
          });
    } else {
      session.AppendExecutionProvider_OpenVINO_V2(unordered(parameters));
    }
  });
}

#if ORT_API_VERSION >= 23
Status append_plugin(Environment& environment, const std::string& name, const std::string& file,
                     const ProviderParameters& parameters, Ort::SessionOptions& session) {
  MUSTER_RETURN_IF_ERROR(environment.register_plugin(name, file));
  std::vector<Ort::ConstEpDevice> devices;
  const Status appended = guarded([&] {
    devices = environment.devices_of(file);
    if (!devices.empty())
      session.AppendExecutionProvider_V2(environment.get(), devices, unordered(parameters));
  });
  if (!appended.ok()) return appended;
  if (devices.empty()) {
    return failed_precondition("the plugin " + printable(file) +
                               " offers no device on this machine");
  }
  return {};
}
#else
Status append_plugin(Environment& /*environment*/, const std::string& name,
                     const std::string& /*file*/, const ProviderParameters& /*parameters*/,
                     Ort::SessionOptions& /*session*/) {
  return unimplemented(
      "the plugin '" + printable(name) +
      "' needs Muster built with ONNX Runtime's headers of API 23 or newer, this one has " +
      std::to_string(ORT_API_VERSION));
}
#endif

}  // namespace

Result<ProviderParameters> provider_parameters(const ModelConfig& config,
                                               const ExecutionAccelerator& accelerator,
                                               int threads) {
  const Provider* const provider = find_provider(accelerator.name);
  // What a plugin takes is known to the plugin alone.
  if (provider == nullptr) {
    return ProviderParameters(accelerator.parameters.begin(), accelerator.parameters.end());
  }
  const std::string place = place_of(config, accelerator);
  ProviderParameters parameters;
  if (provider->name == "openvino") {
    parameters = {{"device_type", "CPU"}, {"num_of_threads", std::to_string(std::max(threads, 1))}};
  }
  for (const auto& [name, text] : accelerator.parameters) {
    const auto known = std::ranges::find(provider->parameters, name, &Parameter::name);
    if (known == provider->parameters.end()) return unknown_parameter(place, *provider, name);
    const std::optional<std::string> value = known->convert(text);
    if (!value) {
      return invalid_argument(place + ": parameter '" + name + "' is '" + printable(text) +
                              "'; expected " + std::string(known->values));
    }
    if (!known->key.empty()) parameters.insert_or_assign(std::string(known->key), *value);
  }
  return parameters;
}

Result<std::vector<std::string>> add_providers(Environment& environment, const ProviderOrder& order,
                                               ProviderFailures& failures,
                                               Ort::SessionOptions& session) {
  std::vector<std::string> running;
  bool records = true;  // the first of those on a GPU
  for (const ExecutionAccelerator& accelerator : order.config.accelerators) {
    MUSTER_ASSIGN_OR_RETURN(ProviderParameters parameters,
                            provider_parameters(order.config, accelerator, order.threads));
    const auto library = order.libraries.find(accelerator.name);
    const Provider* const provider = find_provider(accelerator.name);
    if (library == order.libraries.end() && provider == nullptr) {
      return invalid_argument(place_of(order.config, accelerator) +
                              " is none that Muster knows (openvino, cuda, tensorrt) and no "
                              "plugin of this server (--accelerator NAME=FILE)");
    }
    if (failures.contains(accelerator.name)) continue;
    const bool is_built_in = library == order.libraries.end();
    if (is_built_in && order.wishes != nullptr)
      parameters = with_wishes(provider->name, std::move(parameters), *order.wishes, records);
    const Status added = is_built_in ? append_built_in(*provider, parameters, session)
                                     : append_plugin(environment, accelerator.name, library->second,
                                                     parameters, session);
    if (added.ok()) {
      running.push_back(accelerator.name);
      records =
          records && accelerator.name != kCudaProvider && accelerator.name != kTensorRtProvider;
    } else {
      failures.emplace(accelerator.name, std::string(added.message()));
    }
  }
  if (!running.empty() || failures.empty()) return running;
  const std::vector<std::string> lines = failure_lines(order, failures);
  // The first is told of by whoever reports the error.
  std::for_each(lines.begin() + 1, lines.end(),
                [](const std::string& line) { log(LogLevel::kWarning, line); });
  return failed_precondition(lines.front());
}

std::vector<std::string> failure_lines(const ProviderOrder& order,
                                       const ProviderFailures& failures) {
  std::vector<std::string> lines;
  for (const ExecutionAccelerator& accelerator : order.config.accelerators) {
    const auto failure = failures.find(accelerator.name);
    if (failure == failures.end()) continue;
    std::string line = place_of(order.config, accelerator) + " cannot be had: " + failure->second;
    // A plugin is a file of the server's own.
    const Provider* const provider = find_provider(accelerator.name);
    if (provider != nullptr && !order.libraries.contains(accelerator.name))
      line += "; install " + std::string(provider->package);
    lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace muster::onnxruntime
