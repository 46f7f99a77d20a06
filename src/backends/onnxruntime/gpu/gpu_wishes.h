// SPDX-License-Identifier: Apache-2.0
// What a load asks of providers on a GPU beyond what the configuration says to the letter: CUDA
// graphs, a folder for engines that is the model's alone, and shapes that engines are built for.
// Pure.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <muster/model.h>

namespace muster::onnxruntime {

using ProviderParameters = std::map<std::string, std::string, std::less<>>;

// Of a model, where nothing is said: a graph of a small model takes some 100 KiB of the GPU, and a
// batch size has one in each session.
inline constexpr int kMaxGraphs = 256;

inline constexpr std::string_view kCudaProvider = "cuda";
inline constexpr std::string_view kTensorRtProvider = "tensorrt";

// Muster's own parameter of both: how many CUDA graphs a model may have; 0 = none.
inline constexpr std::string_view kGraphLimitName = "cuda_graphs";

struct GpuWishes {
  bool graphs = false;
  std::string engine_folder;  // "" = no engines are kept
  ProviderParameters shapes;  // trt_profile_*, where the configuration has none
};

// What the configuration says of them.
struct GpuOrder {
  bool any = false;         // there is one of them
  bool builds = false;      // engines
  bool has_shapes = false;  // for these
  int device = 0;           // of the first
  int graph_limit = kMaxGraphs;
};
[[nodiscard]] GpuOrder gpu_order(const ModelConfig& config);
// "f16", "tf32" or "": what those that run compute in, as far as they are asked for otherwise than
// in the file's own.
[[nodiscard]] std::string precision_of(const ModelConfig& config,
                                       const std::vector<std::string>& running);

// The parameters of the provider of that name with the wishes; `records`: it is the one that the
// runtime asks for graphs.
[[nodiscard]] ProviderParameters with_wishes(std::string_view name, ProviderParameters parameters,
                                             const GpuWishes& wishes, bool records);

// Shapes for engines of every batch up to the configuration's largest; empty where something else
// than the batch is open, nothing is, or there are no batches.
[[nodiscard]] ProviderParameters batch_shapes(const ModelSignature& signature,
                                              const BatchingOptions& batching);

}  // namespace muster::onnxruntime
