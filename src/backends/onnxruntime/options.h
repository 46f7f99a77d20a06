// SPDX-License-Identifier: Apache-2.0
// The backend's parameters in a model's configuration, read strictly. docs/backends.md has them all
// with their defaults and the reasons. Pure; knows no runtime type.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <muster/model.h>

namespace muster::onnxruntime {

enum class GraphLevel : std::uint8_t { kDisabled, kBasic, kExtended, kAll };

struct Options {
  int intra_op_threads = 1;  // 1 = no thread pool
  // They are the model's own; else those of the pool that all models share.
  bool own_pool = true;
  int inter_op_threads = 1;
  bool parallel = false;  // operators side by side
  GraphLevel graph_level = GraphLevel::kAll;
  bool arena = true;
  bool arena_extends_as_requested = false;
  bool shrink_arena = true;
  bool memory_pattern = true;
  bool device_allocator_for_weights = false;
  bool intra_op_spinning = false;
  bool inter_op_spinning = false;
  bool denormals_as_zero = false;
  bool prepacking = true;
  std::vector<std::string> ignored;  // names that concern a GPU, for a warning
};

// `threads` is what a thread count of 0 stands for, and `pooled` whether they are in the shared
// pool. Errors begin with the parameter's place.
[[nodiscard]] Result<Options> parse_options(const ModelConfig& config, int threads,
                                            bool pooled = false);

}  // namespace muster::onnxruntime
