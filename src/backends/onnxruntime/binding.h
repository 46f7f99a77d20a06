// SPDX-License-Identifier: Apache-2.0
// The buffers of one session, and for each batch shape the runtime's values and binding over them.
//
// Every buffer grows to the largest batch seen and is shared by all shapes; a binding is made once
// per shape and found again, so that a shape that comes back costs a comparison. At most
// kMaxBindings are kept, the least recently used is dropped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include <onnxruntime_cxx_api.h>

#include <muster/model.h>

#include "backends/onnxruntime/output_plan.h"

namespace muster::onnxruntime {

inline constexpr std::size_t kMaxBindings = 64;

// One batch shape. The values point into the buffers of the set that made it.
struct Binding {
  explicit Binding(Ort::Session& session) : io(session) {}

  std::vector<Shape> input_shapes;
  std::vector<Ort::Value> inputs;
  // By output: the view of a bound buffer, or type kInvalid where the runtime allocates.
  std::vector<TensorView> outputs;
  std::vector<Ort::Value> output_values;  // of the bound ones, in their order
  bool any_string_input = false;
  bool any_unbound_output = false;
  Ort::IoBinding io;
  std::uint64_t last_use = 0;
};

// Used by one thread at a time.
class BindingSet {
 public:
  BindingSet(Ort::Session& session, const ModelSignature& signature);

  // `size` bytes of the input's buffer. Where it has to grow, every binding is dropped.
  [[nodiscard]] Result<std::span<std::byte>> input_bytes(std::size_t input, std::size_t size);
  // The binding of a batch with these input shapes. Valid until the next call of any function here.
  [[nodiscard]] Result<Binding*> find_or_make(std::span<const Shape> shapes);
  // Leaves this output to the runtime in every binding that is made from now on.
  void distrust(std::size_t output) { plan_.distrust(output); }
  void drop_bindings() { bindings_.clear(); }
  // Gives every buffer and binding back.
  void clear();

  // Binds outputs of unknown size to the CPU; with `all` those of known size too. To be done again
  // before each run: the runtime would write a run's outputs into the values of the run before.
  [[nodiscard]] Status bind_outputs(Binding& binding, bool all) const;

 private:
  [[nodiscard]] Result<std::unique_ptr<Binding>> make(std::span<const Shape> shapes);
  [[nodiscard]] Status bind_input(Binding& binding, std::size_t input);
  [[nodiscard]] Status plan_outputs(Binding& binding);

  Ort::Session& session_;
  const ModelSignature& signature_;
  OutputPlan plan_;
  const Ort::MemoryInfo memory_;
  std::vector<Buffer> input_buffers_;
  std::vector<Buffer> output_buffers_;
  std::vector<std::unique_ptr<Binding>> bindings_;
  std::uint64_t uses_ = 0;
};

}  // namespace muster::onnxruntime
