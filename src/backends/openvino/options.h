// SPDX-License-Identifier: Apache-2.0
// The backend's parameters in a model's configuration, read strictly. docs/backends.md has them all
// with their defaults and the reasons. Pure; knows no runtime type.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <muster/backend.h>

namespace muster::openvino {

// Fixed batch sizes that a model may be compiled for, each with weights of its own.
inline constexpr std::size_t kMaxStaticBatchSizes = 64;

enum class Precision : std::uint8_t { kFp32, kFp16, kBf16 };
enum class Hint : std::uint8_t { kLatency, kThroughput };

struct Options {
  int streams = 1;  // runs side by side
  int threads = 1;  // of all streams together
  // Asked for by this model; else its share of those that all models share.
  bool own_threads = true;
  Hint hint = Hint::kLatency;
  Precision precision = Precision::kFp32;
  bool pin_threads = false;
  bool denormals_as_zero = false;
  // A file whose batch is fixed is served with any batch up to that, filled up with zeros.
  bool pad_batches = false;
  // Inputs get the shapes that the configuration lists.
  bool reshape_inputs = false;
  // Compiled for these beside an open batch axis, ascending. Nothing said: small_model_sizes().
  std::optional<std::vector<std::int64_t>> static_batch_sizes;
  std::vector<std::string> ignored;  // names that change nothing, for a warning
};

// `source.threads` for each of `source.sessions` is what counts that are not given stand for.
// Errors begin with the parameter's place.
[[nodiscard]] Result<Options> parse_options(const ModelConfig& config, const ModelSource& source);

}  // namespace muster::openvino
