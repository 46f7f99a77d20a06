// SPDX-License-Identifier: Apache-2.0
#include "backends/scripted/session.h"

#include <cstring>
#include <string>

#include "base/check.h"
#include "base/text.h"

namespace muster::scripted {
namespace {

std::int64_t rows_of(const TensorView& input) {
  return input.shape.rank() == 0 ? 1 : input.shape[0];
}

// A shape without open dimensions: the batch's rows first, 1 elsewhere.
Shape closed(const Shape& shape, std::int64_t rows) {
  Shape result = shape;
  for (std::size_t axis = 0; axis < shape.rank(); ++axis) {
    if (shape[axis] == kDynamicDim) result.set(axis, axis == 0 ? rows : 1);
  }
  return result;
}

Result<Tensor> zeros(DataType type, Shape shape) {
  // An empty string in serialised form is four zero bytes.
  const DataType sized_as = type == DataType::kBytes ? DataType::kUint32 : type;
  MUSTER_ASSIGN_OR_RETURN(const std::size_t size, byte_size(sized_as, shape));
  MUSTER_ASSIGN_OR_RETURN(Tensor tensor, Tensor::allocate(type, std::move(shape), size));
  if (size > 0) std::memset(tensor.bytes().data(), 0, size);
  return tensor;
}

}  // namespace

void sleep_on(Clock& clock, Clock::Duration length) {
  if (length <= Clock::Duration::zero()) return;
  const Clock::TimePoint until = add_saturating(clock.now(), length);
  Mutex mutex;
  CondVar never;
  MutexLock lock(mutex);
  while (clock.now() < until)
    clock.wait_until(never, lock, until);
}

Result<std::unique_ptr<Session>> ScriptedModel::new_session() const {
  const std::int64_t index = sessions_.fetch_add(1, std::memory_order_relaxed);
  return std::unique_ptr<Session>(
      std::make_unique<ScriptedSession>(shared_from_this(), delays_.of_instance(index)));
}

Status ScriptedModel::play(std::int64_t rows, std::chrono::milliseconds delay) const {
  MUSTER_RETURN_IF_ERROR(stage_->play({rows, std::this_thread::get_id()}));
  sleep_on(*clock_, script_.latency + script_.latency_per_row * rows + delay);
  const std::uint64_t number = runs_.fetch_add(1, std::memory_order_relaxed) + 1;
  if (script_.break_at != 0 && number >= script_.break_at) {
    return {kBrokenForGood, script_.break_message};
  }
  if (script_.fail_every != 0 && number % script_.fail_every == 0) {
    return internal_error(script_.fail_message);
  }
  return {};
}

ScriptedSession::ScriptedSession(std::shared_ptr<const ScriptedModel> model,
                                 std::chrono::milliseconds delay)
    : model_(std::move(model)), delay_(delay), inputs_(model_->signature().inputs.size()) {}

ScriptedSession::~ScriptedSession() {
  check_thread();
}

void ScriptedSession::check_thread() const {
  MUSTER_CHECK(!model_->script().thread_bound || thread_ == std::this_thread::get_id());
}

Result<std::span<std::byte>> ScriptedSession::prepare_input(std::size_t index, const Shape& shape,
                                                            std::size_t size) {
  check_thread();
  ran_ = false;
  if (index >= inputs_.size()) {
    return invalid_argument("the model has no input number " + std::to_string(index));
  }
  const TensorSpec& spec = model_->signature().inputs[index];
  Input& input = inputs_[index];
  input.prepared = false;
  std::erase_if(taken_, [index](const Taken& taken) { return taken.input == index; });
  if (spec.type != DataType::kBytes) {
    MUSTER_ASSIGN_OR_RETURN(const std::size_t expected, byte_size(spec.type, shape));
    if (size != expected) {
      return invalid_argument("input '" + printable(spec.name) + "' has " + std::to_string(size) +
                              " bytes; " + std::string(data_type_name(spec.type)) +
                              shape.to_string() + " takes " + std::to_string(expected));
    }
  }
  if (input.buffer.size() < size) {
    MUSTER_ASSIGN_OR_RETURN(input.buffer, Buffer::allocate(size));
  }
  const std::span<std::byte> bytes = input.buffer.bytes().first(size);
  input.view = {spec.type, shape, bytes};
  input.prepared = true;
  return bytes;
}

Status ScriptedSession::take_from_device(std::size_t index, std::size_t offset,
                                         const DeviceBytes& bytes) {
  check_thread();
  if (index >= inputs_.size() || !inputs_[index].prepared)
    return failed_precondition("input number " + std::to_string(index) + " was not prepared");
  if (bytes.device != 0) return unimplemented("scripted models run on GPU 0");
  const std::size_t size = inputs_[index].view.bytes.size();
  if (offset > size || bytes.size > size - offset)
    return invalid_argument("bytes are taken beyond the input's end");
  taken_.push_back({index, offset, bytes});
  return {};
}

Status ScriptedSession::run() {
  check_thread();
  ran_ = false;
  for (const Input& input : inputs_) {
    if (!input.prepared) {
      return failed_precondition("run() was called before every input was prepared");
    }
  }
  for (Input& input : inputs_)
    input.prepared = false;
  for (const Taken& taken : taken_) {
    std::byte* const to = inputs_[taken.input].buffer.bytes().data() + taken.offset;
    if (taken.bytes.size > 0) std::memcpy(to, taken.bytes.address, taken.bytes.size);
  }
  taken_.clear();
  MUSTER_RETURN_IF_ERROR(model_->play(rows_of(inputs_.front().view), delay_));
  MUSTER_RETURN_IF_ERROR(make_outputs());
  ran_ = true;
  return {};
}

Status ScriptedSession::make_outputs() {
  made_.clear();
  outputs_.clear();
  if (!model_->script().compute) return echo();
  std::vector<TensorView> views;
  for (const Input& input : inputs_)
    views.push_back(input.view);
  MUSTER_ASSIGN_OR_RETURN(made_, model_->script().compute(views));
  if (made_.size() != model_->signature().outputs.size()) {
    return internal_error("the script's compute made " + std::to_string(made_.size()) +
                          " outputs, its signature has " +
                          std::to_string(model_->signature().outputs.size()));
  }
  for (const Tensor& tensor : made_)
    outputs_.push_back(tensor.view());
  return {};
}

Status ScriptedSession::echo() {
  const std::vector<TensorSpec>& specs = model_->signature().outputs;
  const std::int64_t rows = rows_of(inputs_.front().view);
  made_.reserve(specs.size());
  for (std::size_t i = 0; i < specs.size(); ++i) {
    const bool echoes = !model_->script().prepared_differs;
    if (echoes && i < inputs_.size() && inputs_[i].view.type == specs[i].type) {
      outputs_.push_back(inputs_[i].view);
      continue;
    }
    MUSTER_ASSIGN_OR_RETURN(Tensor tensor, zeros(specs[i].type, closed(specs[i].shape, rows)));
    made_.push_back(std::move(tensor));
    outputs_.push_back(made_.back().view());
  }
  return {};
}

Result<TensorView> ScriptedSession::output(std::size_t index) {
  check_thread();
  if (index >= model_->signature().outputs.size()) {
    return invalid_argument("the model has no output number " + std::to_string(index));
  }
  if (!ran_) return failed_precondition("output() was called without a run() that succeeded");
  return outputs_[index];
}

}  // namespace muster::scripted
