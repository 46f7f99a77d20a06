// SPDX-License-Identifier: Apache-2.0
// GpuShare: what the sessions of a model share whose operators run on a GPU: where the runtime
// wants inputs and has outputs, and the CUDA graphs that it records.
//
// A graph holds the addresses of one binding's memory, and replays what the runtime did with its
// own. So a binding's graph has a number of its own, and while a model has graphs its runs go one
// by one, each session's on one thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <onnxruntime_cxx_api.h>

#include "backends/onnxruntime/gpu/gpu.h"
#include "base/mutex.h"

namespace muster::onnxruntime {

// The runtime's name of a run's graph, and what says that the run has none.
inline constexpr const char* kGraphNumber = "gpu_graph_id";
inline constexpr const char* kNoGraph = "-1";
// So many runs of one binding in a row that fail with a graph and not without, and the model has
// none.
inline constexpr int kGraphTries = 3;

enum class Place : std::uint8_t {
  kHost,
  kGpu,        // whose memory we can have and copy to
  kElsewhere,  // the runtime copies, and inputs when they are bound: so before each run
};

struct TensorPlaces {
  std::vector<Place> inputs;
  std::vector<Place> outputs;
};

// Of a session that was made with accelerators; `gpu` null: kGpu is none of them.
[[nodiscard]] TensorPlaces places_of(const Ort::Session& session, const Gpu* gpu);

class GpuShare {
 public:
  struct Setup {
    std::shared_ptr<Gpu> gpu;  // null: nothing is on one that we know
    TensorPlaces places;
    bool graphs = false;           // the session was made for recording them
    int graph_limit = 0;           // that are ever recorded
    std::string precision;         // as CompiledModel has it
    std::uint64_t load_bytes = 0;  // of the GPU's memory, that went while it was loaded
  };

  explicit GpuShare(Setup setup) : setup_(std::move(setup)) {}

  // All: any thread.
  [[nodiscard]] Gpu* gpu() const noexcept { return setup_.gpu.get(); }
  [[nodiscard]] Place input(std::size_t index) const { return setup_.places.inputs.at(index); }
  [[nodiscard]] Place output(std::size_t index) const { return setup_.places.outputs.at(index); }
  [[nodiscard]] const std::string& precision() const noexcept { return setup_.precision; }
  [[nodiscard]] DeviceMemoryUse memory() const noexcept;
  // What a session has of the GPU's memory became more, or less.
  void account(std::int64_t bytes) noexcept { session_bytes_ += bytes; }

  // Runs must say of each whether it is recorded, and go one by one.
  [[nodiscard]] bool has_graphs() const noexcept { return setup_.graphs; }
  [[nodiscard]] Mutex& one_run() const noexcept { return one_run_; }
  // For one more binding; nothing where it is to run without. Never the same twice.
  [[nodiscard]] std::optional<int> next_graph();
  // False: graphs that there are must not be used either.
  [[nodiscard]] bool uses_graphs() const noexcept { return uses_graphs_; }
  // A run failed that recorded or replayed one, and does not without.
  void give_up_graphs() noexcept { uses_graphs_ = false; }

 private:
  const Setup setup_;
  mutable Mutex one_run_;
  std::atomic<std::int64_t> session_bytes_{0};
  std::atomic<int> graphs_{0};
  std::atomic<bool> uses_graphs_{true};
  std::atomic<bool> says_no_more_{false};
};

}  // namespace muster::onnxruntime
