// SPDX-License-Identifier: Apache-2.0
// The buffers of one session, and for each batch shape the runtime's values and binding over them.
//
// Every buffer grows to the largest batch seen and is shared by all shapes; where the runtime wants
// a tensor on a GPU it is there, too, and that is what is bound. A binding is made once per shape
// and found again, so that a shape that comes back costs a few comparisons. As many are kept as
// kMaxBindingBytes hold, more than a model has batch sizes whose runs are short; the least recently
// used is dropped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include <onnxruntime_cxx_api.h>

#include <muster/model.h>

#include "backends/onnxruntime/gpu/gpu_share.h"
#include "backends/onnxruntime/gpu/tensor_room.h"
#include "backends/onnxruntime/output_plan.h"

namespace muster::onnxruntime {

// What the bindings of one session are foreseen to take together: each by itself, by input and
// output, and by string. With one input and one output the runtime's part was measured to be 1.4
// KiB.
inline constexpr std::size_t kMaxBindingBytes = std::size_t{2} << 20;
inline constexpr std::size_t kBytesOfBinding = 1024;
inline constexpr std::size_t kBytesOfBoundTensor = 512;

// Of one tensor, before a run or after it.
struct GpuCopy {
  std::byte* device = nullptr;
  std::span<std::byte> host;
};

// One batch shape. The values point into the buffers of the set that made it.
struct Binding {
  explicit Binding(Ort::Session& session) : io(session) {}

  std::vector<Shape> input_shapes;
  std::vector<Ort::Value> inputs;
  std::vector<const std::byte*> input_memory;  // by input: what its value is over; null of strings
  // By output: the view of a bound buffer, or type kInvalid where the runtime allocates.
  std::vector<TensorView> outputs;
  std::vector<Ort::Value> output_values;  // of the bound ones, in their order
  bool any_string_input = false;
  bool any_unbound_output = false;
  std::vector<GpuCopy> copies_in;
  std::vector<GpuCopy> copies_out;         // of outputs that are bound
  std::vector<std::size_t> copied_inputs;  // by the runtime, when they are bound
  std::optional<Ort::RunOptions> graph;    // of runs that a CUDA graph replays
  bool needs_graph = false;                // has lost its graph
  int failed_graph_runs = 0;               // in a row, that did not fail without it
  Ort::IoBinding io;
  std::size_t bytes = kBytesOfBinding;  // foreseen
  std::uint64_t last_use = 0;
};

// Orders bindings by their shapes; finds them by shapes alone.
struct ByShapes {
  using is_transparent = void;

  template <typename A, typename B>
  bool operator()(const A& a, const B& b) const noexcept {
    return precedes(shapes_of(a), shapes_of(b));
  }

 private:
  using Shapes = std::span<const Shape>;
  [[nodiscard]] static Shapes shapes_of(Shapes shapes) noexcept { return shapes; }
  [[nodiscard]] static Shapes shapes_of(const std::unique_ptr<Binding>& binding) noexcept {
    return binding->input_shapes;
  }
  [[nodiscard]] static bool precedes(Shapes a, Shapes b) noexcept;
};

// Used by one thread at a time.
class BindingSet {
 public:
  // `gpu`: null = all is on the host.
  BindingSet(Ort::Session& session, const ModelSignature& signature, GpuShare* gpu = nullptr);
  BindingSet(const BindingSet&) = delete;
  BindingSet& operator=(const BindingSet&) = delete;
  ~BindingSet();

  // `size` bytes of the input's buffer. Where it has to grow, every binding is dropped.
  [[nodiscard]] Result<std::span<std::byte>> input_bytes(std::size_t input, std::size_t size);
  // The binding of a batch with these input shapes. Valid until the next call that makes or drops
  // bindings, or gives an input other room.
  [[nodiscard]] Result<Binding*> find_or_make(std::span<const Shape> shapes);
  // Has the run read the input there: in the set's own buffer, or in memory that was lent.
  [[nodiscard]] Status read_from(Binding& binding, std::size_t input,
                                 std::span<const std::byte> bytes) const;
  // Leaves this output to the runtime in every binding that is made from now on.
  void distrust(std::size_t output) { plan_.distrust(output); }
  void drop_bindings();
  // Gives every buffer and binding back.
  void clear();
  // Of the bindings that are kept.
  [[nodiscard]] std::size_t count() const noexcept { return bindings_.size(); }

  // Binds outputs of unknown size to the CPU; with `all` those of known size too. To be done again
  // before each run: the runtime would write a run's outputs into the values of the run before.
  [[nodiscard]] Status bind_outputs(Binding& binding, bool all) const;
  // A graph of another number, or none where no more may be recorded. The binding stays valid.
  void renew_graph(Binding& binding) const;
  // Those that the runtime copies when they are bound; before each run.
  [[nodiscard]] Status bind_copied_inputs(Binding& binding) const;

 private:
  [[nodiscard]] Result<std::unique_ptr<Binding>> make(std::span<const Shape> shapes);
  [[nodiscard]] Status bind_input(Binding& binding, std::size_t input);
  [[nodiscard]] Status plan_outputs(Binding& binding);
  [[nodiscard]] Status plan_graph(Binding& binding) const;
  void make_room(std::size_t bytes);
  [[nodiscard]] const Ort::MemoryInfo& memory_of(const TensorRoom& room) const noexcept {
    return room.is_on_gpu() ? *gpu_memory_ : memory_;
  }
  void account() noexcept;

  Ort::Session& session_;
  const ModelSignature& signature_;
  OutputPlan plan_;
  GpuShare* const gpu_;
  const Ort::MemoryInfo memory_;
  std::optional<const Ort::MemoryInfo> gpu_memory_;  // where any room is on the GPU
  std::vector<TensorRoom> input_rooms_;
  std::vector<TensorRoom> output_rooms_;
  std::int64_t accounted_ = 0;  // bytes on the GPU
  std::set<std::unique_ptr<Binding>, ByShapes> bindings_;
  std::size_t bytes_ = 0;  // of those
  std::uint64_t uses_ = 0;
};

}  // namespace muster::onnxruntime
