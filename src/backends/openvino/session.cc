// SPDX-License-Identifier: Apache-2.0
#include "backends/openvino/session.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>
#include <utility>

#include "backends/openvino/describe.h"
#include "backends/openvino/error.h"
#include "base/memory/heap.h"
#include "base/text.h"
#include "inference/session_outputs.h"

namespace muster::openvino {
namespace {

// Never null, which the runtime would refuse even for a tensor without elements, and never too
// small to lie on a boundary.
constexpr std::size_t kLeastBytes = Buffer::kAlignedFrom;

template <typename T>
bool all_fit_32_bits(std::span<const std::byte> bytes) {
  constexpr auto kMost = static_cast<T>(std::numeric_limits<std::int32_t>::max());
  const T least =
      std::is_signed_v<T> ? static_cast<T>(std::numeric_limits<std::int32_t>::min()) : T{0};
  const std::span elements(reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T));
  // Without a branch, so that the compiler takes many at once: these are short.
  bool fit = true;
  for (const T element : elements)
    fit &= element >= least && element <= kMost;
  return fit;
}

ov::Shape runtime_shape(const Shape& shape) {
  ov::Shape dims;
  for (const std::int64_t dim : shape.dims())
    dims.push_back(static_cast<std::size_t>(dim));
  return dims;
}

Shape shape_of(const ov::Shape& shape) {
  std::vector<std::int64_t> dims;
  dims.reserve(shape.size());
  for (const std::size_t dim : shape)
    dims.push_back(static_cast<std::int64_t>(dim));
  return Shape(dims);
}

}  // namespace

InferSession::InferSession(std::shared_ptr<const Model> model)
    : model_(std::move(model)),
      signature_(model_->signature()),
      shrink_policy_(model_->clock()),
      runners_(model_->variants().size()),
      inputs_(signature_.inputs.size()),
      asked_(signature_.inputs.size()),
      outputs_(signature_.outputs.size()),
      values_(signature_.outputs.size()) {}

void InferSession::begin_batch() {
  if (!ran_) return;
  ran_ = false;
  if (give_back_) give_memory_back();
}

Result<std::span<std::byte>> InferSession::prepare_input(std::size_t index, const Shape& shape,
                                                         std::size_t size) {
  begin_batch();
  if (index >= inputs_.size()) {
    return invalid_argument("the model has no input number " + std::to_string(index));
  }
  Input& input = inputs_[index];
  input.prepared = false;
  if (input.buffer.size() == 0 || input.size != size || input.shape != shape) {
    MUSTER_RETURN_IF_ERROR(resize_input(index, shape, size));
  }
  input.prepared = true;
  return input.buffer.bytes().first(size);
}

// What the runtime is given for a batch of that shape.
Shape InferSession::shape_in_runtime(const Shape& shape) const {
  Shape filled = shape;
  if (model_->padded_batch_size() > 0) filled.set(0, model_->padded_batch_size());
  return filled;
}

Status InferSession::resize_input(std::size_t index, const Shape& shape, std::size_t size) {
  const TensorSpec& spec = signature_.inputs[index];
  const auto subject = [&] { return "input '" + printable(spec.name) + "' "; };
  MUSTER_ASSIGN_OR_RETURN(const std::size_t expected, byte_size(spec.type, shape));
  if (size != expected) {
    return invalid_argument(subject() + "has " + std::to_string(size) + " bytes; " +
                            std::string(data_type_name(spec.type)) + shape.to_string() + " takes " +
                            std::to_string(expected));
  }
  if (shape.rank() != spec.shape.rank()) {
    return invalid_argument(subject() + "has shape " + shape.to_string() + ", the model's is " +
                            spec.shape.to_string());
  }
  const std::int64_t most = model_->padded_batch_size();
  if (most > 0 && shape[0] > most) {
    return invalid_argument(subject() + "has " + std::to_string(shape[0]) +
                            " rows; the file's batch is " + std::to_string(most) +
                            ", so set max_batch_size to no more");
  }
  MUSTER_ASSIGN_OR_RETURN(const std::size_t filled, byte_size(spec.type, shape_in_runtime(shape)));
  Input& input = inputs_[index];
  if (input.buffer.size() < std::max(filled, kLeastBytes)) {
    // Half as much again, so that slowly growing batches do not replace it each time.
    const std::size_t wanted =
        std::max({filled, input.buffer.size() + input.buffer.size() / 2, kLeastBytes});
    // What is set in the requests points into the memory that goes.
    for (Runner& runner : runners_)
      runner.shapes.clear();
    input.buffer = Buffer();
    MUSTER_ASSIGN_OR_RETURN(input.buffer, Buffer::allocate(wanted));
  }
  if (filled > size) std::memset(input.buffer.bytes().data() + size, 0, filled - size);
  input.shape = shape;
  input.size = size;
  return {};
}

// The runtime computes these types with 32 bits on a CPU, and would cut what is more without a
// word.
Status InferSession::check_range(std::size_t index) const {
  const TensorSpec& spec = signature_.inputs[index];
  const std::span<const std::byte> bytes = inputs_[index].buffer.bytes().first(inputs_[index].size);
  bool fit = true;
  if (spec.type == DataType::kInt64) fit = all_fit_32_bits<std::int64_t>(bytes);
  if (spec.type == DataType::kUint64) fit = all_fit_32_bits<std::uint64_t>(bytes);
  if (spec.type == DataType::kUint32) fit = all_fit_32_bits<std::uint32_t>(bytes);
  if (fit) return {};
  return invalid_argument(
      "input '" + printable(spec.name) + "' has an element beyond 32 bits (" +
      std::string(data_type_name(spec.type)) +
      " is computed as INT32 by OpenVINO on a CPU); use the onnxruntime backend");
}

Status InferSession::run() {
  begin_batch();
  const bool whole = std::ranges::all_of(inputs_, &Input::prepared);
  if (!whole) return failed_precondition("run() was called before every input was prepared");
  Status status = run_prepared();
  // Whatever came of it, the next batch prepares its inputs anew.
  for (Input& input : inputs_)
    input.prepared = false;
  ran_ = true;
  if (!status.ok()) outputs_.assign(outputs_.size(), TensorView());
  return status;
}

std::size_t InferSession::variant_for_batch() const {
  const std::vector<Variant>& variants = model_->variants();
  if (variants.size() == 1) return 0;
  const std::int64_t rows = inputs_[0].shape[0];
  const bool same =
      std::ranges::all_of(inputs_, [rows](const Input& input) { return input.shape[0] == rows; });
  for (std::size_t i = 1; same && i < variants.size(); ++i) {
    if (variants[i].batch_size == rows) return i;
  }
  return 0;
}

bool InferSession::has_set_inputs(const Runner& runner) const {
  return std::ranges::equal(runner.shapes, inputs_, {}, {}, &Input::shape);
}

// The runtime may run what the model does not take, and give what lay in its memory.
Status InferSession::find_shapes(Runner& runner) {
  KnownShapes* const known = model_->known_shapes();
  if (known == nullptr) return {};
  for (std::size_t i = 0; i < inputs_.size(); ++i)
    asked_[i] = shape_in_runtime(inputs_[i].shape);
  MUSTER_ASSIGN_OR_RETURN(std::shared_ptr<const ShapeVerdict> verdict, known->of(asked_));
  if (!verdict->refusal.ok()) return verdict->refusal;
  runner.verdict = std::move(verdict);
  return {};
}

Status InferSession::run_prepared() {
  total_bytes_ = 0;
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    MUSTER_RETURN_IF_ERROR(check_range(i));
    total_bytes_ += inputs_[i].size;
  }
  const std::size_t index = variant_for_batch();
  const Variant& variant = model_->variants()[index];
  Runner& runner = runners_[index];
  const bool is_new = !runner.made || !has_set_inputs(runner);
  // What was compiled for one size was inferred with it.
  if (index == 0 && is_new) MUSTER_RETURN_IF_ERROR(find_shapes(runner));
  if (!runner.made) {
    MUSTER_RETURN_IF_ERROR(guarded([&] {
      // Of a compiled model that many sessions make requests of at once; a copy is a handle.
      ov::CompiledModel compiled = variant.compiled;
      runner.request = compiled.create_infer_request();
    }));
    runner.made = true;
    runner.shapes.clear();
  }
  MUSTER_RETURN_IF_ERROR(set_inputs(runner));
  give_back_ = shrink_policy_.due(total_bytes_);
  const bool takes_detour =
      variant.detour == Detour::kAlways || (variant.detour == Detour::kNewShapes && is_new);
  Status status = infer(runner, takes_detour);
  if (status.ok()) status = take_outputs(runner);
  // What a run that failed has left in a request is nobody's answer.
  if (!status.ok()) runner = Runner();
  return status;
}

Status InferSession::infer(Runner& runner, bool takes_detour) {
  return guarded([&] {
    if (takes_detour) {
      runner.request.start_async();
      runner.request.wait();
    } else {
      runner.request.infer();
    }
  });
}

Status InferSession::set_inputs(Runner& runner) {
  const bool known = runner.shapes.size() == inputs_.size();
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    Input& input = inputs_[i];
    if (known && runner.shapes[i] == input.shape) continue;
    const Status set = guarded([&] {
      runner.request.set_input_tensor(
          i, ov::Tensor(element_type_of(signature_.inputs[i].type),
                        runtime_shape(shape_in_runtime(input.shape)), input.buffer.bytes().data()));
    });
    if (!set.ok()) {
      runner.shapes.clear();
      // The one thing that is refused here is a shape that the model does not take.
      return invalid_argument(std::string(set.message()));
    }
  }
  runner.shapes.resize(inputs_.size());
  for (std::size_t i = 0; i < inputs_.size(); ++i)
    runner.shapes[i] = inputs_[i].shape;
  return {};
}

Status InferSession::take_outputs(Runner& runner) {
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    TensorView& view = outputs_[i];
    const TensorSpec& spec = signature_.outputs[i];
    const std::byte* data = nullptr;
    bool same_type = false;
    MUSTER_RETURN_IF_ERROR(guarded([&] {
      values_[i] = runner.request.get_output_tensor(i);
      view.shape = shape_of(values_[i].get_shape());
      same_type = data_type_of(values_[i].get_element_type()) == spec.type;
      if (values_[i].get_size() > 0)
        data = static_cast<const std::byte*>(std::as_const(values_[i]).data());
    }));
    if (!same_type) {
      return internal_error("output '" + printable(spec.name) +
                            "' is of another type than the model declares");
    }
    if (runner.verdict != nullptr && !agrees(runner.verdict->outputs[i], view.shape)) {
      return internal_error("output '" + printable(spec.name) + "' came out with shape " +
                            view.shape.to_string() + ", where the model gives " +
                            printable(runner.verdict->outputs[i].to_string()));
    }
    if (model_->padded_batch_size() > 0) view.shape.set(0, inputs_[0].shape[0]);
    MUSTER_ASSIGN_OR_RETURN(const std::size_t size, byte_size(spec.type, view.shape));
    view.type = spec.type;
    view.bytes = {data, data == nullptr ? 0 : size};
  }
  return {};
}

Result<TensorView> InferSession::output(std::size_t index) {
  return output_of_run(outputs_, ran_, index);
}

// What the runtime keeps for the largest batch belongs to what was compiled, not to the request.
void InferSession::give_memory_back() {
  give_back_ = false;
  outputs_.assign(outputs_.size(), TensorView());
  values_.assign(values_.size(), ov::Tensor());
  for (Runner& runner : runners_)
    runner = Runner();
  for (Input& input : inputs_)
    input = Input();
  for (const Variant& variant : model_->variants()) {
    ov::CompiledModel compiled = variant.compiled;
    // A refusal costs memory, and nothing else.
    (void)guarded([&] { compiled.release_memory(); });
  }
  give_heap_back();
}

}  // namespace muster::openvino
