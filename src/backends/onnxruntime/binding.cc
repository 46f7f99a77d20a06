// SPDX-License-Identifier: Apache-2.0
#include "backends/onnxruntime/binding.h"

#include <algorithm>
#include <string>
#include <utility>

#include "backends/onnxruntime/describe.h"
#include "backends/onnxruntime/error.h"

namespace muster::onnxruntime {
namespace {

// The runtime's name of CUDA's memory.
constexpr const char* kGpuMemory = "Cuda";

Ort::Value value_over(const Ort::MemoryInfo& memory, const TensorSpec& spec, const Shape& shape,
                      std::byte* data, std::size_t size) {
  return Ort::Value::CreateTensor(memory, data, size, shape.dims().data(), shape.rank(),
                                  element_type_of(spec.type));
}

std::vector<TensorRoom> rooms_for(const std::vector<TensorSpec>& tensors, GpuShare* gpu,
                                  Place (GpuShare::*place)(std::size_t) const) {
  std::vector<TensorRoom> rooms;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const bool on_gpu =
        gpu != nullptr && tensors[i].type != DataType::kBytes && (gpu->*place)(i) == Place::kGpu;
    rooms.emplace_back(on_gpu ? gpu->gpu() : nullptr);
  }
  return rooms;
}

std::int64_t device_bytes(const std::vector<TensorRoom>& rooms) {
  std::size_t bytes = 0;
  for (const TensorRoom& room : rooms)
    bytes += room.device_bytes();
  return static_cast<std::int64_t>(bytes);
}

}  // namespace

bool ByShapes::precedes(Shapes a, Shapes b) noexcept {
  return std::ranges::lexicographical_compare(a, b, [](const Shape& one, const Shape& other) {
    return std::ranges::lexicographical_compare(one.dims(), other.dims());
  });
}

BindingSet::BindingSet(Ort::Session& session, const ModelSignature& signature, GpuShare* gpu)
    : session_(session),
      signature_(signature),
      plan_(signature),
      gpu_(gpu),
      memory_(Ort::MemoryInfo::CreateCpu(OrtDeviceAllocator, OrtMemTypeCPU)),
      input_rooms_(rooms_for(signature.inputs, gpu, &GpuShare::input)),
      output_rooms_(rooms_for(signature.outputs, gpu, &GpuShare::output)) {
  if (gpu != nullptr && gpu->gpu() != nullptr) {
    gpu_memory_.emplace(kGpuMemory, OrtDeviceAllocator, gpu->gpu()->number(), OrtMemTypeDefault);
  }
}

BindingSet::~BindingSet() {
  if (gpu_ != nullptr) gpu_->account(-accounted_);
}

void BindingSet::account() noexcept {
  if (gpu_ == nullptr) return;
  const std::int64_t now = device_bytes(input_rooms_) + device_bytes(output_rooms_);
  gpu_->account(now - std::exchange(accounted_, now));
}

Result<std::span<std::byte>> BindingSet::input_bytes(std::size_t input, std::size_t size) {
  TensorRoom& room = input_rooms_[input];
  if (!room.holds(size)) {
    drop_bindings();
    const Result<bool> grown = room.grow(size);
    account();
    if (!grown.ok()) return grown.status();
  }
  return room.host(size);
}

Result<Binding*> BindingSet::find_or_make(std::span<const Shape> shapes) {
  ++uses_;
  auto place = bindings_.find(shapes);
  if (place == bindings_.end()) {
    MUSTER_ASSIGN_OR_RETURN(std::unique_ptr<Binding> made, make(shapes));
    make_room(made->bytes);
    bytes_ += made->bytes;
    place = bindings_.insert(std::move(made)).first;
  }
  (*place)->last_use = uses_;
  return place->get();
}

// The one that the room is for is kept whatever it takes.
void BindingSet::make_room(std::size_t bytes) {
  while (!bindings_.empty() && bytes_ + bytes > kMaxBindingBytes) {
    const auto oldest = std::ranges::min_element(
        bindings_, {}, [](const std::unique_ptr<Binding>& binding) { return binding->last_use; });
    bytes_ -= (*oldest)->bytes;
    bindings_.erase(oldest);
  }
}

void BindingSet::drop_bindings() {
  bindings_.clear();
  bytes_ = 0;
}

void BindingSet::clear() {
  drop_bindings();
  for (TensorRoom& room : input_rooms_)
    room.clear();
  for (TensorRoom& room : output_rooms_)
    room.clear();
  account();
}

Result<std::unique_ptr<Binding>> BindingSet::make(std::span<const Shape> shapes) {
  std::unique_ptr<Binding> binding;
  MUSTER_RETURN_IF_ERROR(guarded([&] { binding = std::make_unique<Binding>(session_); }));
  binding->input_shapes.assign(shapes.begin(), shapes.end());
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    MUSTER_RETURN_IF_ERROR(bind_input(*binding, i));
  }
  MUSTER_RETURN_IF_ERROR(plan_outputs(*binding));
  if (!binding->any_unbound_output) MUSTER_RETURN_IF_ERROR(bind_outputs(*binding, false));
  MUSTER_RETURN_IF_ERROR(plan_graph(*binding));
  return binding;
}

// A graph reads and writes the same memory of the GPU each time, and nothing else.
Status BindingSet::plan_graph(Binding& binding) const {
  const auto is_on_gpu = [](const TensorRoom& room) { return room.is_on_gpu(); };
  if (gpu_ == nullptr || binding.any_unbound_output ||
      !std::ranges::all_of(input_rooms_, is_on_gpu) ||
      !std::ranges::all_of(output_rooms_, is_on_gpu)) {
    return {};
  }
  const std::optional<int> number = gpu_->next_graph();
  if (!number) return {};
  return guarded([&] {
    Ort::RunOptions options;
    options.AddConfigEntry(kGraphNumber, std::to_string(*number).c_str());
    binding.graph = std::move(options);
  });
}

void BindingSet::renew_graph(Binding& binding) const {
  binding.needs_graph = false;
  // Without one it runs as well.
  static_cast<void>(plan_graph(binding));
}

Status BindingSet::bind_input(Binding& binding, std::size_t input) {
  const TensorSpec& spec = signature_.inputs[input];
  const Shape& shape = binding.input_shapes[input];
  const bool is_string = spec.type == DataType::kBytes;
  std::size_t size = 0;
  binding.bytes += kBytesOfBoundTensor;
  if (is_string) {
    MUSTER_ASSIGN_OR_RETURN(const std::size_t strings, element_count(shape));
    binding.bytes += std::min(strings, kMaxBindingBytes) * sizeof(std::string);
  } else {
    MUSTER_ASSIGN_OR_RETURN(size, byte_size(spec.type, shape));
  }
  binding.any_string_input = binding.any_string_input || is_string;
  TensorRoom& room = input_rooms_[input];
  // Strings are the processor's.
  const bool is_copied = !is_string && gpu_ != nullptr && gpu_->input(input) == Place::kElsewhere;
  if (is_copied) binding.copied_inputs.push_back(input);
  if (room.is_on_gpu() && size > 0) binding.copies_in.push_back({room.bound(), room.host(size)});
  return guarded([&] {
    if (is_string) {
      const Ort::AllocatorWithDefaultOptions allocator;
      binding.inputs.push_back(Ort::Value::CreateTensor(allocator, shape.dims().data(),
                                                        shape.rank(), element_type_of(spec.type)));
      binding.input_memory.push_back(nullptr);
    } else {
      binding.input_memory.push_back(room.bound());
      binding.inputs.push_back(value_over(memory_of(room), spec, shape, room.bound(), size));
    }
    if (!is_copied) binding.io.BindInput(spec.name.c_str(), binding.inputs.back());
  });
}

Status BindingSet::read_from(Binding& binding, std::size_t input,
                             std::span<const std::byte> bytes) const {
  const TensorSpec& spec = signature_.inputs[input];
  if (spec.type == DataType::kBytes || binding.input_memory[input] == bytes.data()) return {};
  return guarded([&] {
    // The runtime writes to no input.
    auto* const memory = const_cast<std::byte*>(bytes.data());
    Ort::Value value = value_over(memory_, spec, binding.input_shapes[input], memory, bytes.size());
    binding.io.BindInput(spec.name.c_str(), value);
    binding.inputs[input] = std::move(value);
    binding.input_memory[input] = memory;
  });
}

Status BindingSet::plan_outputs(Binding& binding) {
  const std::size_t count = signature_.outputs.size();
  binding.outputs.resize(count);
  binding.bytes += count * kBytesOfBoundTensor;
  for (std::size_t i = 0; i < count; ++i) {
    const TensorSpec& spec = signature_.outputs[i];
    std::optional<Shape> shape = plan_.predict(i, binding.input_shapes);
    const Result<std::size_t> size =
        shape ? byte_size(spec.type, *shape) : Result<std::size_t>(std::size_t{0});
    if (!shape || !size.ok()) {
      binding.any_unbound_output = true;
      continue;
    }
    TensorRoom& room = output_rooms_[i];
    // The other shapes' values point into the memory that is gone.
    if (!room.holds(*size)) drop_bindings();
    const Result<bool> grown = room.grow(*size);
    account();
    if (!grown.ok()) return grown.status();
    binding.outputs[i] = {spec.type, *std::move(shape), room.host(*size)};
    if (room.is_on_gpu() && *size > 0)
      binding.copies_out.push_back({room.bound(), room.host(*size)});
    MUSTER_RETURN_IF_ERROR(guarded([&] {
      binding.output_values.push_back(
          value_over(memory_of(room), spec, binding.outputs[i].shape, room.bound(), *size));
    }));
  }
  return {};
}

Status BindingSet::bind_outputs(Binding& binding, bool all) const {
  return guarded([&] {
    binding.io.ClearBoundOutputs();
    auto value = binding.output_values.begin();
    for (std::size_t i = 0; i < signature_.outputs.size(); ++i) {
      const char* const name = signature_.outputs[i].name.c_str();
      const bool bound = binding.outputs[i].type != DataType::kInvalid;
      if (bound && !all) {
        binding.io.BindOutput(name, *value);
      } else {
        binding.io.BindOutput(name, memory_);
      }
      if (bound) ++value;
    }
  });
}

Status BindingSet::bind_copied_inputs(Binding& binding) const {
  if (binding.copied_inputs.empty()) return {};
  return guarded([&] {
    for (const std::size_t input : binding.copied_inputs)
      binding.io.BindInput(signature_.inputs[input].name.c_str(), binding.inputs[input]);
  });
}

}  // namespace muster::onnxruntime
