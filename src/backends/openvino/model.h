// SPDX-License-Identifier: Apache-2.0
// One loaded model: what it was compiled to, shared by every runner of batches.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include <openvino/runtime/compiled_model.hpp>
#include <openvino/runtime/core.hpp>

#include <muster/backend.h>

#include "backends/openvino/known_shapes.h"
#include "backends/openvino/load_thread.h"
#include "backends/openvino/worker_limit.h"
#include "base/clock.h"

namespace muster::openvino {

// Shared by the backend and every model that it loaded.
struct Runtime {
  explicit Runtime(int threads) : workers(threads) {}
  WorkerLimit workers;
  ov::Core core;
  LoadThread loader;
};

// Which runs go by way of a thread of the runtime's. With one stream of one thread it would run
// them on the calling thread, and there it drops what a run throws: the outputs of the run before
// stand in for its own, and the run stays in the stream's line, even beyond its request's end.
enum class Detour : std::uint8_t { kNever, kNewShapes, kAlways };

// The model for one fixed batch size, or for any.
struct Variant {
  std::int64_t batch_size = kDynamicDim;
  ov::CompiledModel compiled;
  Detour detour = Detour::kAlways;
};

class Model final : public CompiledModel, public std::enable_shared_from_this<Model> {
 public:
  // `known_shapes`: of the first variant; null: all that it takes is fixed.
  // `padded_batch_size`: batches are filled up to it; 0 = they are not.
  Model(std::shared_ptr<Runtime> runtime, std::vector<Variant> variants,
        std::shared_ptr<KnownShapes> known_shapes, ModelSignature signature,
        std::int64_t padded_batch_size, ComputeThreads threads, std::string precision,
        CompiledCacheUse cache_use, Clock& clock)
      : runtime_(std::move(runtime)),
        variants_(std::move(variants)),
        known_shapes_(std::move(known_shapes)),
        signature_(std::move(signature)),
        padded_batch_size_(padded_batch_size),
        threads_(threads),
        precision_(std::move(precision)),
        cache_use_(cache_use),
        clock_(&clock) {}

  [[nodiscard]] const ModelSignature& signature() const override { return signature_; }
  [[nodiscard]] Result<std::unique_ptr<Session>> new_session() const override;
  [[nodiscard]] bool sessions_are_thread_bound() const override { return false; }
  [[nodiscard]] ComputeThreads threads() const override { return threads_; }
  [[nodiscard]] std::string precision() const override { return precision_; }
  [[nodiscard]] CompiledCacheUse compiled_cache_use() const override { return cache_use_; }

  // The first takes every batch that no other was compiled for.
  [[nodiscard]] const std::vector<Variant>& variants() const { return variants_; }
  // Null: there is nothing to infer.
  [[nodiscard]] KnownShapes* known_shapes() const { return known_shapes_.get(); }
  [[nodiscard]] std::int64_t padded_batch_size() const { return padded_batch_size_; }
  [[nodiscard]] Clock& clock() const { return *clock_; }

 private:
  // In this order: what was compiled ends before the runtime.
  const std::shared_ptr<Runtime> runtime_;
  const std::vector<Variant> variants_;
  const std::shared_ptr<KnownShapes> known_shapes_;  // of all sessions together
  const ModelSignature signature_;
  const std::int64_t padded_batch_size_;
  const ComputeThreads threads_;
  const std::string precision_;
  const CompiledCacheUse cache_use_;
  Clock* const clock_;
};

}  // namespace muster::openvino
