// SPDX-License-Identifier: Apache-2.0
// The script that a scripted model plays: its tensors, how long a run takes, which runs fail.
//
// Text, one instruction a line; '#' begins a comment:
//   input NAME TYPE [DIMS]      output NAME TYPE [DIMS]
//   latency_us BASE PER_ROW     fail every N MESSAGE     fail_load MESSAGE     thread_bound
//   break at N MESSAGE
//   prepare_us LENGTH STEPS     fail_prepare MESSAGE     prepared_differs
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <muster/model.h>
#include <muster/tensor.h>

namespace muster::scripted {

inline constexpr std::size_t kMaxScriptBytes = 64 << 10;
inline constexpr std::size_t kMaxTensors = 64;  // inputs, and outputs

struct Script {
  ModelSignature signature;
  std::chrono::microseconds latency{0};
  std::chrono::microseconds latency_per_row{0};
  std::uint64_t fail_every = 0;  // every so manieth run of the model fails; 0 = none
  std::string fail_message;
  std::uint64_t break_at = 0;  // with that run of the model it is broken for good; 0 = never
  std::string break_message;
  std::string fail_load;  // where not "", load fails with it
  // Must be prepared before it is loaded: compiled, which takes so long and tells of each step.
  std::chrono::microseconds prepare{0};
  int prepare_steps = 0;          // 0 = there is nothing to prepare
  std::string fail_prepare;       // where not "", that fails with it, at its end
  bool prepared_differs = false;  // the outputs are zeros
  bool thread_bound = false;
  // Makes the outputs, in the signature's order. Empty: output i is input i where their types are
  // the same, else zeros. For tests; no text says it.
  std::function<Result<std::vector<Tensor>>(std::span<const TensorView> inputs)> compute;
};

// An error names the line.
[[nodiscard]] Result<Script> parse_script(std::string_view text);
// What a model without script and configuration plays: INPUT0 to OUTPUT0, FP32 [-1,-1].
[[nodiscard]] Script identity_script();

}  // namespace muster::scripted
