// SPDX-License-Identifier: Apache-2.0
#include "backends/onnxruntime/session.h"

#include <string>
#include <utility>

#include "backends/onnxruntime/describe.h"
#include "backends/onnxruntime/error.h"
#include "backends/onnxruntime/gpu/cuda_driver.h"
#include "base/log.h"
#include "base/memory/heap.h"
#include "base/text.h"
#include "inference/session_outputs.h"

namespace muster::onnxruntime {

Result<std::unique_ptr<Session>> BoundSession::create(std::shared_ptr<const Model> model) {
  std::unique_ptr<BoundSession> made;
  MUSTER_RETURN_IF_ERROR(guarded([&] { made.reset(new BoundSession(std::move(model))); }));
  if (made->gpu_ != nullptr && made->gpu_->gpu() != nullptr) {
    MUSTER_ASSIGN_OR_RETURN(made->copies_, made->gpu_->gpu()->new_copies());
  }
  return std::unique_ptr<Session>(std::move(made));
}

BoundSession::BoundSession(std::shared_ptr<const Model> model)
    : model_(std::move(model)),
      signature_(model_->signature()),
      gpu_(model_->gpu()),
      bindings_(model_->runtime(), signature_, gpu_),
      shrink_policy_(model_->clock()),
      shapes_(signature_.inputs.size()),
      input_bytes_(signature_.inputs.size()),
      lent_(signature_.inputs.size()),
      prepared_(signature_.inputs.size()),
      outputs_(signature_.outputs.size()),
      strings_(signature_.outputs.size()) {
  shrinking_run_.AddConfigEntry("memory.enable_memory_arena_shrinkage", "cpu:0");
  if (gpu_ != nullptr && gpu_->has_graphs()) {
    for (Ort::RunOptions* const run : {&plain_run_, &shrinking_run_})
      run->AddConfigEntry(kGraphNumber, kNoGraph);
  }
}

void BoundSession::begin_batch() {
  if (!ran_) return;
  ran_ = false;
  allocated_.clear();
  if (give_back_) give_memory_back();
}

Result<std::span<std::byte>> BoundSession::prepare_input(std::size_t index, const Shape& shape,
                                                         std::size_t size) {
  begin_batch();
  if (index >= shapes_.size()) {
    return invalid_argument("the model has no input number " + std::to_string(index));
  }
  std::span<std::byte>& bytes = input_bytes_[index];
  if (bytes.data() == nullptr || bytes.size() != size || shapes_[index] != shape) {
    set_prepared(index, false);
    MUSTER_RETURN_IF_ERROR(reshape_input(index, shape, size));
  }
  lent_[index] = nullptr;
  set_prepared(index, true);
  return bytes;
}

Status BoundSession::lend_input(std::size_t index, const Shape& shape,
                                std::span<const std::byte> bytes) {
  if (index < shapes_.size() && signature_.inputs[index].type == DataType::kBytes)
    return unimplemented("text is read from the session's own memory alone");
  // There the bytes are copied to the GPU, from memory that it can reach.
  if (gpu_ != nullptr) return unimplemented("a GPU reads the session's own memory alone");
  // Room of its own, which costs nothing as long as nobody writes to it.
  MUSTER_RETURN_IF_ERROR(prepare_input(index, shape, bytes.size()).status());
  // Without elements there is no address that the runtime would take.
  if (!bytes.empty()) lent_[index] = bytes.data();
  return {};
}

void BoundSession::set_prepared(std::size_t index, bool prepared) {
  if (prepared_[index] == prepared) return;
  prepared_[index] = prepared;
  prepared_count_ += prepared ? 1 : std::size_t(-1);
}

Status BoundSession::reshape_input(std::size_t index, const Shape& shape, std::size_t size) {
  const TensorSpec& spec = signature_.inputs[index];
  current_ = nullptr;
  input_bytes_[index] = {};
  if (spec.type != DataType::kBytes) {
    MUSTER_ASSIGN_OR_RETURN(const std::size_t expected, byte_size(spec.type, shape));
    if (size != expected) {
      return invalid_argument("input '" + printable(spec.name) + "' has " + std::to_string(size) +
                              " bytes; " + std::string(data_type_name(spec.type)) +
                              shape.to_string() + " takes " + std::to_string(expected));
    }
  }
  MUSTER_ASSIGN_OR_RETURN(input_bytes_[index], bindings_.input_bytes(index, size));
  shapes_[index] = shape;
  return {};
}

Status BoundSession::run() {
  begin_batch();
  if (prepared_count_ != prepared_.size()) {
    return failed_precondition("run() was called before every input was prepared");
  }
  Status status = run_prepared();
  // Whatever came of it, the next batch prepares its inputs anew.
  prepared_.assign(prepared_.size(), false);
  prepared_count_ = 0;
  ran_ = true;
  if (!status.ok()) {
    outputs_.assign(outputs_.size(), TensorView());
    current_ = nullptr;  // the next batch of these shapes has its outputs told anew
  }
  return status;
}

Status BoundSession::run_prepared() {
  if (current_ == nullptr) {
    MUSTER_ASSIGN_OR_RETURN(current_, bindings_.find_or_make(shapes_));
    for (std::size_t i = 0; i < outputs_.size(); ++i)
      outputs_[i] = current_->outputs[i];
    total_bytes_ = 0;
    for (const std::span<std::byte> bytes : input_bytes_)
      total_bytes_ += bytes.size();
  }
  if (current_->any_unbound_output) {
    MUSTER_RETURN_IF_ERROR(bindings_.bind_outputs(*current_, false));
  }
  MUSTER_RETURN_IF_ERROR(choose_memory());
  if (current_->any_string_input) MUSTER_RETURN_IF_ERROR(fill_strings());
  give_back_ = model_->options().shrink_arena && shrink_policy_.due(total_bytes_);
  const Ort::RunOptions& options = give_back_ ? shrinking_run_ : plain_run_;

  const bool by_graph = current_->graph && gpu_->uses_graphs() && !give_back_;
  Status status = by_graph ? run_with_graph() : run_once(options);
  if (status.ok()) {
    if (current_->needs_graph) bindings_.renew_graph(*current_);
    return current_->any_unbound_output ? take_outputs(false) : Status();
  }
  // A bound output whose size the model does not keep to fails like this; providers of GPUs have
  // words of their own for it.
  if (!current_->output_values.empty() &&
      (status.message().find("shape") != std::string_view::npos ||
       (gpu_ != nullptr && status.code() == StatusCode::kInternal))) {
    return run_without_bound_outputs(options);
  }
  return status;
}

Status BoundSession::choose_memory() {
  if (gpu_ != nullptr) return {};
  for (std::size_t i = 0; i < lent_.size(); ++i) {
    const std::byte* const memory = lent_[i] != nullptr ? lent_[i] : input_bytes_[i].data();
    MUSTER_RETURN_IF_ERROR(bindings_.read_from(*current_, i, {memory, input_bytes_[i].size()}));
  }
  return {};
}

Status BoundSession::run_once(const Ort::RunOptions& options, bool copied) {
  const auto run = [&] { model_->runtime().Run(options, current_->io); };
  if (gpu_ == nullptr) return guarded(run);
  ignore_captures_of_others();
  MUSTER_RETURN_IF_ERROR(bindings_.bind_copied_inputs(*current_));
  MUSTER_RETURN_IF_ERROR(copy_in());
  Status status;
  if (gpu_->has_graphs()) {
    const MutexLock lock(gpu_->one_run());
    status = guarded(run);
  } else {
    status = guarded(run);
  }
  if (!status.ok()) return with_cause(std::move(status));
  return copied ? copy_out() : Status();
}

// The runtime's own stream waits for nobody, and it has waited for that when a run returns.
Status BoundSession::copy_in() {
  if (current_->copies_in.empty()) return {};
  for (const GpuCopy& copy : current_->copies_in)
    MUSTER_RETURN_IF_ERROR(copies_->copy_in(copy.device, copy.host));
  return copies_->wait();
}

Status BoundSession::copy_out() {
  if (current_->copies_out.empty()) return {};
  for (const GpuCopy& copy : current_->copies_out)
    MUSTER_RETURN_IF_ERROR(copies_->copy_out(copy.host, copy.device));
  return copies_->wait();
}

// The runtime has one code for what passes and for what stays. The GPU itself knows better.
Status BoundSession::with_cause(Status failure) {
  if (copies_ == nullptr || failure.code() != StatusCode::kInternal) return failure;
  const Status gpu = copies_->wait();
  if (gpu.code() != kBrokenForGood) return failure;
  return {kBrokenForGood, std::string(failure.message()) + "; " + std::string(gpu.message())};
}

Status BoundSession::run_with_graph() {
  Status status = run_once(*current_->graph);
  if (status.ok()) {
    current_->failed_graph_runs = 0;
    return status;
  }
  // The runtime keeps what it had recorded until then, and would replay that as if it were all: no
  // run has that number again, and the next one comes once a run succeeds.
  current_->graph.reset();
  current_->needs_graph = true;
  if (status.code() != StatusCode::kInternal) return status;
  // Not every operator can be recorded, and the runtime finds out when it tries.
  Status plain = run_once(plain_run_);
  if (!plain.ok()) return plain;
  // Others may have broken it: whoever waits for the whole GPU does, as libraries when they end.
  const bool is_last = ++current_->failed_graph_runs >= kGraphTries;
  if (is_last) gpu_->give_up_graphs();
  log(LogLevel::kWarning,
      std::string("onnxruntime: a run could not be recorded as a CUDA graph, and ") +
          (is_last ? "the model runs without from now on: " : "ran without: ") +
          std::string(status.message()));
  return plain;
}

Status BoundSession::fill_strings() {
  for (std::size_t i = 0; i < signature_.inputs.size(); ++i) {
    if (signature_.inputs[i].type != DataType::kBytes) continue;
    const Status status =
        read_strings({DataType::kBytes, shapes_[i], input_bytes_[i]}, current_->inputs[i]);
    if (!status.ok())
      return status.with_context("input '" + printable(signature_.inputs[i].name) + "'");
  }
  return {};
}

Status BoundSession::run_without_bound_outputs(const Ort::RunOptions& options) {
  Status status = bindings_.bind_outputs(*current_, true);
  if (status.ok()) status = run_once(options, false);
  if (status.ok()) status = take_outputs(true);
  if (status.ok()) {
    for (std::size_t i = 0; i < outputs_.size(); ++i) {
      const TensorView& expected = current_->outputs[i];
      if (expected.type == DataType::kInvalid || expected.shape == outputs_[i].shape) continue;
      bindings_.distrust(i);
      log(LogLevel::kWarning,
          "onnxruntime: output '" + printable(signature_.outputs[i].name) + "' should be " +
              expected.shape.to_string() + " by the model's own shapes but is " +
              outputs_[i].shape.to_string() + "; from now on the runtime decides its size");
    }
  }
  // Made for bound outputs, and some of them may be trusted no more. This run's outputs are the
  // runtime's own memory.
  current_ = nullptr;
  bindings_.drop_bindings();
  return status;
}

Status BoundSession::take_outputs(bool all) {
  MUSTER_RETURN_IF_ERROR(guarded([&] {
    allocated_ = current_->io.GetOutputValues();
    // The binding may lie unused for long: only this session keeps the values.
    current_->io.ClearBoundOutputs();
  }));
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    if (!all && current_->outputs[i].type != DataType::kInvalid) continue;
    const Status status = take_output(i, allocated_[i]);
    if (!status.ok()) {
      return status.with_context("output '" + printable(signature_.outputs[i].name) + "'");
    }
  }
  return {};
}

Status BoundSession::take_output(std::size_t index, const Ort::Value& value) {
  TensorView view;
  bool is_tensor = false;
  MUSTER_RETURN_IF_ERROR(guarded([&] {
    is_tensor = value.HasValue() && value.IsTensor();
    if (!is_tensor) return;
    const auto found = value.GetTensorTypeAndShapeInfo();
    view.type = data_type_of(found.GetElementType());
    view.shape = Shape(found.GetShape());
  }));
  if (!is_tensor) return internal_error("the run left it without a value");
  if (view.type != signature_.outputs[index].type) {
    return internal_error("the run made it " + std::string(data_type_name(view.type)) +
                          ", where the model declares " +
                          std::string(data_type_name(signature_.outputs[index].type)));
  }
  if (view.type == DataType::kBytes) {
    MUSTER_RETURN_IF_ERROR(strings_[index].take(value));
    view.bytes = strings_[index].bytes();
  } else {
    MUSTER_ASSIGN_OR_RETURN(const std::size_t size, byte_size(view.type, view.shape));
    MUSTER_RETURN_IF_ERROR(guarded([&] {
      view.bytes = {static_cast<const std::byte*>(value.GetTensorRawData()), size};
    }));
  }
  outputs_[index] = std::move(view);
  return {};
}

Result<TensorView> BoundSession::output(std::size_t index) {
  return output_of_run(outputs_, ran_, index);
}

// What the arena has freed lies in the C library's heap; without the second step it stays there.
void BoundSession::give_memory_back() {
  give_back_ = false;
  current_ = nullptr;
  bindings_.clear();
  input_bytes_.assign(input_bytes_.size(), {});
  give_heap_back();
}

}  // namespace muster::onnxruntime
