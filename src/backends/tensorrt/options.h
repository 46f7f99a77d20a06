// SPDX-License-Identifier: Apache-2.0
// The backend's parameters in a model's configuration, read strictly. docs/backends.md has them all
// with their defaults and the reasons. Pure; knows no runtime type.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <muster/backend.h>

#include "backends/tensorrt/profiles.h"

namespace muster::tensorrt {

inline constexpr int kMaxLanes = 16;
inline constexpr int kUsualTurns = 1;
inline constexpr std::uint64_t kUsualTurnBytes = std::uint64_t{1} << 20;
inline constexpr std::size_t kMaxGraphs = 512;  // of one lane
inline constexpr std::uint64_t kDefaultWorkspace = std::uint64_t{1} << 30;
// The largest batch of an engine where neither profiles nor max_batch_size say one.
inline constexpr std::int64_t kUsualMaxBatchSize = 64;

// kInt8: the file must say by Q/DQ nodes what is quantised.
enum class Precision : std::uint8_t { kFp32, kTf32, kFp16, kBf16, kInt8 };
[[nodiscard]] std::string_view precision_name(Precision precision) noexcept;
// The same as CompiledModel::precision() has it: "f16" for "fp16"; others as they are.
[[nodiscard]] std::string_view arithmetic_name(std::string_view precision) noexcept;

// What an engine is built with; all of it is in the engine's key.
struct BuildOptions {
  Precision precision = Precision::kTf32;  // TensorRT's own default for FP32 files
  std::uint64_t workspace_bytes = kDefaultWorkspace;
  int level = 3;  // 0 to 5: how long the builder looks for faster kernels
  // parse_options leaves none out: where the configuration says no profile, its batch sizes make
  // one. A network without open dimensions needs none, and that one is not used.
  std::vector<ProfileText> profiles;
  std::optional<PixelScaling> pixels;
};

enum class ComputeOrder : std::uint8_t {
  kTurns,       // kConcurrent, but for batches that bring much from the host: compute_turns
  kConcurrent,  // lanes compute at the same time, each with activations of its own
  kOrdered,     // one after the other, sharing one block of activations
};
enum class WaitChoice : std::uint8_t { kAuto, kSpin, kBlock };

struct RunOptions {
  int device = 0;
  int lanes = 0;  // of one instance; 0 = usual_lanes()
  ComputeOrder order = ComputeOrder::kTurns;
  // With kTurns, of batches that bring at least so many bytes from the host's memory so many
  // compute at the same time, and the others wait for their turn.
  int compute_turns = kUsualTurns;
  std::uint64_t compute_turn_bytes = kUsualTurnBytes;
  WaitChoice wait = WaitChoice::kAuto;  // auto: spins where a batch takes less than kSpinBelow
  bool graphs = true;
  // Ascending; batches of fixed shape are filled up to the next of these. Empty: ladder_of().
  std::vector<std::int64_t> graph_batch_sizes;
  std::chrono::seconds context_max_age{0};  // 0 = contexts are not renewed for their age
  std::uint64_t context_max_requests = 0;   // nor for the batches they ran
};
inline constexpr std::chrono::microseconds kSpinBelow{200};

struct Options {
  BuildOptions build;
  RunOptions run;
};

// Errors begin with the parameter's place.
[[nodiscard]] Result<Options> parse_options(const ModelConfig& config, const ModelSource& source);

}  // namespace muster::tensorrt
