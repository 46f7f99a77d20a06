// SPDX-License-Identifier: Apache-2.0
#include "backends/tensorrt/lanes/lane.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <string>
#include <utility>

#include "backends/tensorrt/lanes/lane_steps.h"
#include "backends/tensorrt/lanes/lane_supply.h"
#include "backends/tensorrt/profiles.h"
#include "base/caught.h"
#include "base/text.h"
#include "inference/session_outputs.h"

namespace muster::tensorrt {
namespace {

std::size_t count_inputs(const Engine& engine) {
  return static_cast<std::size_t>(
      std::ranges::count_if(engine.ports(), [](const EnginePort& port) { return port.is_input; }));
}

// Batches of about as many rows take about as long.
std::size_t size_class(std::int64_t rows) {
  return static_cast<std::size_t>(std::bit_width(static_cast<std::uint64_t>(rows))) & 63U;
}

std::string input_name(const EnginePort& port) {
  return "input '" + printable(port.spec.name) + "'";
}

}  // namespace

Result<std::unique_ptr<Lane>> Lane::make(LaneSupply& supply) {
  std::unique_ptr<Lane> lane(new Lane(supply));
  MUSTER_ASSIGN_OR_RETURN(lane->body_, supply.take_first());
  return lane;
}

Lane::Lane(LaneSupply& supply)
    : supply_(supply),
      shapes_(count_inputs(supply.engine())),
      sizes_(shapes_.size()),
      prepared_(shapes_.size()),
      outputs_(supply.engine().ports().size() - shapes_.size()) {
  took_.fill(Clock::Duration::max());
}

Lane::~Lane() {
  supply_.give_back(std::move(body_));
}

// Between two batches, when nothing of the body is in use.
void Lane::begin_batch() {
  ran_ = false;
  from_device_.clear();
  body_ = supply_.renewed(std::move(body_));
}

Status Lane::check_input(std::size_t index, const Shape& shape, std::size_t size) const {
  const EnginePort& port = supply_.engine().ports()[index];
  const Shape& own = port.spec.shape;
  bool agrees = shape.rank() == own.rank();
  for (std::size_t axis = 0; agrees && axis < own.rank(); ++axis)
    agrees = own[axis] == kDynamicDim || own[axis] == shape[axis];
  if (!agrees) {
    return invalid_argument(input_name(port) + " is " + shape.to_string() +
                            ", where the model has " + own.to_string());
  }
  MUSTER_ASSIGN_OR_RETURN(const std::size_t expected, byte_size(port.spec.type, shape));
  if (size != expected) {
    return invalid_argument(input_name(port) + " has " + std::to_string(size) + " bytes; " +
                            std::string(data_type_name(port.spec.type)) + shape.to_string() +
                            " takes " + std::to_string(expected));
  }
  if (size <= body_->host[index].size()) return {};
  MUSTER_RETURN_IF_ERROR(
      check_shape(supply_.engine().profiles(), supply_.engine().ports(), index, shape));
  return resource_exhausted(input_name(port) + " " + shape.to_string() +
                            " does not fit: the GPU had memory for batches of " +
                            std::to_string(supply_.plan().max_rows) + " when the model was loaded");
}

Result<std::span<std::byte>> Lane::input(std::size_t index, const Shape& shape, std::size_t size) {
  if (index >= shapes_.size()) {
    return invalid_argument("the model has no input number " + std::to_string(index));
  }
  if (prepared_count_ == 0) begin_batch();
  // Of a batch that was given up half-way.
  std::erase_if(from_device_, [&](const DeviceRange& range) { return range.input == index; });
  if (prepared_[index]) --prepared_count_;
  prepared_[index] = false;
  MUSTER_RETURN_IF_ERROR(check_input(index, shape, size));
  shapes_[index] = shape;
  sizes_[index] = size;
  prepared_[index] = true;
  ++prepared_count_;
  return std::span(static_cast<std::byte*>(body_->host[index].get()), size);
}

Status Lane::take_from_device(std::size_t index, std::size_t offset, const DeviceBytes& bytes) {
  if (index >= shapes_.size() || !prepared_[index]) {
    return failed_precondition("input number " + std::to_string(index) + " was not prepared");
  }
  if (bytes.device != supply_.device().facts().index) {
    return unimplemented("the model runs on GPU " + std::to_string(supply_.device().facts().index) +
                         ", the bytes are on GPU " + std::to_string(bytes.device));
  }
  const EnginePort& port = supply_.engine().ports()[index];
  if (port.on_host) return unimplemented(input_name(port) + " is read on the host");
  if (offset > sizes_[index] || bytes.size > sizes_[index] - offset) {
    return invalid_argument(input_name(port) + " has " + std::to_string(sizes_[index]) +
                            " bytes; " + std::to_string(bytes.size) + " from byte " +
                            std::to_string(offset) + " on are beyond it");
  }
  const auto last = std::find_if(from_device_.rbegin(), from_device_.rend(),
                                 [&](const DeviceRange& range) { return range.input == index; });
  if (last != from_device_.rend() && last->offset + last->bytes.size > offset) {
    return invalid_argument("bytes of " + input_name(port) + " were taken already");
  }
  if (bytes.size > 0) from_device_.push_back({index, offset, bytes});
  return {};
}

Status Lane::run() {
  if (prepared_count_ != shapes_.size()) {
    return failed_precondition("run() was called before every input was prepared");
  }
  if (shapes_.empty()) begin_batch();  // nobody prepares anything then
  issued_ = false;
  Status status = caught([&] { return run_batch(); });
  // Whatever came of it, the next batch prepares its inputs anew.
  prepared_.assign(prepared_.size(), false);
  prepared_count_ = 0;
  ++body_->batches;
  ran_ = status.ok();
  if (!ran_ && issued_) recover(status);
  return status;
}

Status Lane::run_batch() {
  MUSTER_RETURN_IF_ERROR(supply_.device().use_on_this_thread());
  MUSTER_RETURN_IF_ERROR(count_rows());
  fill_up();
  const Clock::TimePoint begun = supply_.clock().now();
  MUSTER_ASSIGN_OR_RETURN(const ContextSetting* setting, issue());
  MUSTER_RETURN_IF_ERROR(await_done());
  took_[size_class(filled_rows_)] = supply_.clock().now() - begun;
  return collect(*setting);
}

Status Lane::count_rows() {
  rows_ = 0;
  filled_rows_ = 0;
  const LanePlan& plan = supply_.plan();
  if (plan.max_rows == 0) return {};
  rows_ = shapes_[0][0];
  for (std::size_t i = 1; i < shapes_.size(); ++i) {
    if (shapes_[i][0] == rows_) continue;
    return invalid_argument(input_name(supply_.engine().ports()[i]) + " has " +
                            std::to_string(shapes_[i][0]) + " rows and the first input " +
                            std::to_string(rows_));
  }
  filled_rows_ = rows_;
  if (plan.fills) filled_rows_ = filled_up(plan.ladder, std::max(rows_, plan.min_rows));
  return {};
}

// Rows of zeros behind those that there are.
void Lane::fill_up() {
  filled_shapes_ = shapes_;
  if (filled_rows_ == rows_) return;
  for (std::size_t i = 0; i < shapes_.size(); ++i) {
    filled_shapes_[i].set(0, filled_rows_);
    const PinnedMemory& room = body_->host[i];
    // Where they do not fit, setting the context says so.
    const auto filled = byte_size(supply_.engine().ports()[i].spec.type, filled_shapes_[i]);
    const std::size_t end = std::min(filled.ok() ? *filled : 0, room.size());
    if (end > sizes_[i]) {
      std::memset(static_cast<std::byte*>(room.get()) + sizes_[i], 0, end - sizes_[i]);
    }
  }
}

// Lanes that compute at the same time tend to end together, and then gather together while the GPU
// has nothing to do. Where gathering is nothing there is nothing to lose, and much to gain.
ComputeTurn* Lane::turn() const noexcept {
  ComputeTurn* const turn = supply_.parts().turn;
  if (turn == nullptr || turn->is_shared()) return turn;
  std::uint64_t from_host = 0;
  for (const std::size_t size : sizes_)
    from_host += size;
  for (const DeviceRange& range : from_device_)
    from_host -= range.bytes.size;
  return from_host >= supply_.options().compute_turn_bytes ? turn : nullptr;
}

// Puts everything up to the event into the stream.
Result<const ContextSetting*> Lane::issue() {
  const ContextSetting* setting = nullptr;
  ComputeTurn* const turn = this->turn();
  const auto captured =
      supply_.plan().ladder.empty() ? body_->graphs.end() : body_->graphs.find(filled_rows_);
  if (captured != body_->graphs.end()) {
    const CapturedSize& size = captured->second;
    setting = &size.setting;
    issued_ = true;
    if (size.whole && from_device_.empty() && turn == nullptr) {
      MUSTER_RETURN_IF_ERROR(supply_.device().launch(size.whole, body_->stream));
    } else {
      MUSTER_RETURN_IF_ERROR(issue_steps(*setting, &size.engine, turn));
    }
  } else {
    for (const auto& output : body_->growing) {
      if (output) output->begin();
    }
    MUSTER_RETURN_IF_ERROR(set_context(supply_.parts(), *body_, body_->plain, filled_shapes_));
    setting = &body_->plain;
    issued_ = true;
    const Status status = issue_steps(*setting, nullptr, turn);
    // An engine that gets no room for an output knows less about it than whoever had none.
    for (const auto& output : body_->growing) {
      if (output && !output->failure().ok()) return output->failure();
    }
    MUSTER_RETURN_IF_ERROR(status);
  }
  MUSTER_RETURN_IF_ERROR(supply_.device().record(body_->done, body_->stream));
  return setting;
}

Status Lane::issue_steps(const ContextSetting& setting, const Graph* engine, ComputeTurn* turn) {
  if (from_device_.empty()) {
    MUSTER_RETURN_IF_ERROR(copy_inputs(supply_.parts(), *body_, setting));
  } else {
    for (std::size_t i = 0; i < shapes_.size(); ++i)
      MUSTER_RETURN_IF_ERROR(copy_input(setting, i));
  }
  MUSTER_RETURN_IF_ERROR(compute(supply_.parts(), *body_, setting, engine, turn));
  return copy_outputs(supply_.parts(), *body_, setting);
}

// What is on the device from there, what lies between from the host.
Status Lane::copy_input(const ContextSetting& setting, std::size_t index) {
  if (supply_.engine().ports()[index].on_host) return {};
  Device& device = supply_.device();
  auto* const to = static_cast<std::byte*>(body_->device[index].get());
  const auto* const from = static_cast<const std::byte*>(body_->host[index].get());
  std::size_t at = 0;
  const auto copy_until = [&](std::size_t end) -> Status {
    if (end == at) return {};
    return device.copy_in(to + at, from + at, end - at, body_->stream);
  };
  for (const DeviceRange& range : from_device_) {
    if (range.input != index) continue;
    MUSTER_RETURN_IF_ERROR(copy_until(range.offset));
    MUSTER_RETURN_IF_ERROR(device.copy_within(to + range.offset, range.bytes.address,
                                              range.bytes.size, body_->stream));
    at = range.offset + range.bytes.size;
  }
  return copy_until(setting.bytes[index]);
}

Status Lane::await_done() {
  Wait how = Wait::kBlock;
  const WaitChoice choice = supply_.options().wait;
  if (choice == WaitChoice::kSpin) how = Wait::kSpin;
  if (choice == WaitChoice::kAuto && took_[size_class(filled_rows_)] < kSpinBelow)
    how = Wait::kSpin;
  return supply_.device().wait(body_->done, how);
}

Status Lane::collect(const ContextSetting& setting) {
  const std::size_t inputs = shapes_.size();
  bool any_growing = false;
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    const std::size_t port = inputs + i;
    TensorView& view = outputs_[i];
    view.type = supply_.engine().ports()[port].spec.type;
    if (body_->growing[port]) {
      MUSTER_RETURN_IF_ERROR(collect_growing(port, view));
      any_growing = true;
      continue;
    }
    view.shape = setting.shapes[port];
    std::size_t bytes = setting.bytes[port];
    if (filled_rows_ != rows_ && view.shape[0] == filled_rows_) {
      bytes = bytes / static_cast<std::size_t>(filled_rows_) * static_cast<std::size_t>(rows_);
      view.shape.set(0, rows_);
    }
    view.bytes = {static_cast<const std::byte*>(body_->host[port].get()), bytes};
  }
  if (!any_growing) return {};
  MUSTER_RETURN_IF_ERROR(supply_.device().record(body_->done, body_->stream));
  return supply_.device().wait(body_->done, Wait::kBlock);
}

// Its copy is under way when this returns.
Status Lane::collect_growing(std::size_t port, TensorView& view) {
  GrowingOutput& output = *body_->growing[port];
  const std::string name = "output '" + printable(supply_.engine().ports()[port].spec.name) + "'";
  if (!output.is_shaped()) return internal_error("the run left " + name + " without a shape");
  view.shape = output.shape();
  MUSTER_ASSIGN_OR_RETURN(const std::size_t bytes, byte_size(view.type, view.shape));
  MUSTER_ASSIGN_OR_RETURN(void* const room, output.host_room(bytes));
  view.bytes = {static_cast<const std::byte*>(room), bytes};
  if (bytes == 0) return {};
  return supply_.device().copy_out(room, output.memory().get(), bytes, body_->stream);
}

// The next batch finds an empty stream, and nothing that is set as this one left it.
void Lane::recover(const Status& status) {
  outputs_.assign(outputs_.size(), TensorView());
  if (status.code() == kBrokenForGood) return;
  if (status.code() == StatusCode::kResourceExhausted) body_->ran_out = true;
  (void)supply_.device().wait_all(body_->stream);  // it failed already
  body_->graphs.erase(filled_rows_);
  body_->plain.shapes.clear();
  body_->plain.profile = -1;
}

Result<TensorView> Lane::output(std::size_t index) const {
  return output_of_run(outputs_, ran_, index);
}

}  // namespace muster::tensorrt
