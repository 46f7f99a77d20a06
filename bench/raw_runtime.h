// SPDX-License-Identifier: Apache-2.0
// RawRuntime: ONNX Runtime alone, as fast as a program can call it. What Muster is measured
// against.
//
// One intra-op thread and no spinning where nothing else is said, the whole graph optimised, input
// and output bound to memory that stays. Failures are exceptions: the benchmark ends with their
// text.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <onnxruntime_cxx_api.h>

namespace muster::bench {

// Of a run.
struct RawThreads {
  int count = 1;  // the calling one included
  bool spin = false;
};

// One model. It must have inputs and outputs of float32 with an open first axis alone.
class RawRuntime {
 public:
  explicit RawRuntime(const std::string& model_file, const RawThreads& threads = {});

  // One batch size, bound. Many may run at once, each in a thread of its own.
  class Loop {
   public:
    Loop(RawRuntime& runtime, std::int64_t batch);
    void run() { session_.Run(options_, binding_); }
    [[nodiscard]] std::int64_t batch() const noexcept { return batch_; }
    // The bound memory: of the only input, and of the only output.
    [[nodiscard]] std::vector<float>& input() { return memory_.front(); }
    [[nodiscard]] const std::vector<float>& output() const { return memory_.back(); }

   private:
    Ort::Session& session_;
    const std::int64_t batch_;
    Ort::RunOptions options_;
    std::vector<std::vector<float>> memory_;
    std::vector<Ort::Value> values_;
    Ort::IoBinding binding_;
  };

  // Of its first input and output.
  [[nodiscard]] std::string input_name();
  [[nodiscard]] std::string output_name();
  [[nodiscard]] std::vector<std::int64_t> row_shape();  // of the input, without the batch axis

  [[nodiscard]] static std::string version();

 private:
  Ort::Env env_;
  Ort::Session session_;
};

// `count` values in 0..1, always the same.
[[nodiscard]] std::vector<float> picture_like(std::size_t count);

}  // namespace muster::bench
