// SPDX-License-Identifier: Apache-2.0
// One loaded model: its Ort::Session, shared by every runner of batches.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include <onnxruntime_cxx_api.h>

#include <muster/backend.h>

#include "backends/onnxruntime/environment.h"
#include "backends/onnxruntime/gpu/cuda_driver.h"
#include "backends/onnxruntime/gpu/engine_folder.h"
#include "backends/onnxruntime/gpu/gpu_share.h"
#include "backends/onnxruntime/options.h"
#include "base/clock.h"

namespace muster::onnxruntime {

// The runtime's session, and how its operators are run.
struct LoadedSession {
  std::unique_ptr<EngineFolder> engines;  // of the TensorRT provider; null: it has none
  std::unique_ptr<Ort::Session> session;
  std::string accelerators;
  std::unique_ptr<GpuShare> gpu;  // null: it is all on the processor
};

class Model final : public CompiledModel, public std::enable_shared_from_this<Model> {
 public:
  Model(std::shared_ptr<Environment> environment, LoadedSession loaded, ModelSignature signature,
        Options options, Clock& clock)
      : environment_(std::move(environment)),
        loaded_(std::move(loaded)),
        signature_(std::move(signature)),
        options_(std::move(options)),
        clock_(&clock) {}
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;
  // Whichever thread ends it gives the GPU's memory back.
  ~Model() override { ignore_captures_of_others(); }

  [[nodiscard]] const ModelSignature& signature() const override { return signature_; }
  [[nodiscard]] Result<std::unique_ptr<Session>> new_session() const override;
  // The runtime keeps CUDA graphs by thread.
  [[nodiscard]] bool sessions_are_thread_bound() const override {
    return loaded_.gpu != nullptr && loaded_.gpu->has_graphs();
  }
  [[nodiscard]] std::string accelerators() const override { return loaded_.accelerators; }
  [[nodiscard]] std::string precision() const override {
    return loaded_.gpu == nullptr ? std::string() : loaded_.gpu->precision();
  }
  [[nodiscard]] CompiledCacheUse compiled_cache_use() const override {
    return loaded_.engines == nullptr ? CompiledCacheUse() : loaded_.engines->use();
  }
  [[nodiscard]] DeviceMemoryUse device_memory() const override {
    return loaded_.gpu == nullptr ? DeviceMemoryUse() : loaded_.gpu->memory();
  }
  [[nodiscard]] ComputeThreads threads() const override {
    const int per_run = options_.intra_op_threads + options_.inter_op_threads - 1;
    return {per_run, options_.own_pool ? per_run - 1 : 0};
  }

  // Run and IoBinding are safe on one Ort::Session from many threads, const or not.
  [[nodiscard]] Ort::Session& runtime() const { return *loaded_.session; }
  // Null where it runs on the processor alone.
  [[nodiscard]] GpuShare* gpu() const { return loaded_.gpu.get(); }
  [[nodiscard]] const Options& options() const { return options_; }
  [[nodiscard]] Clock& clock() const { return *clock_; }

 private:
  // In this order: the session ends before the environment that it was made in.
  const std::shared_ptr<Environment> environment_;
  const LoadedSession loaded_;
  const ModelSignature signature_;
  const Options options_;
  Clock* const clock_;
};

}  // namespace muster::onnxruntime
