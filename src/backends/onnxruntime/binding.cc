// SPDX-License-Identifier: Apache-2.0
#include "backends/onnxruntime/binding.h"

#include <algorithm>
#include <string>
#include <utility>

#include "backends/onnxruntime/describe.h"
#include "backends/onnxruntime/error.h"

namespace muster::onnxruntime {
namespace {

// Never null, which the runtime would refuse even for a tensor without elements, and never too
// small to lie on a boundary.
constexpr std::size_t kLeastBytes = Buffer::kAlignedFrom;

// True where the buffer had to be replaced.
Result<bool> grow(Buffer& buffer, std::size_t size) {
  if (buffer.size() >= std::max(size, kLeastBytes)) return false;
  // Half as much again, so that slowly growing batches do not replace it each time; memory that is
  // never written costs nothing.
  const std::size_t wanted = std::max({size, buffer.size() + buffer.size() / 2, kLeastBytes});
  buffer = Buffer();
  MUSTER_ASSIGN_OR_RETURN(buffer, Buffer::allocate(wanted));
  return true;
}

Ort::Value value_over(const Ort::MemoryInfo& memory, const TensorSpec& spec, const Shape& shape,
                      std::span<std::byte> bytes) {
  return Ort::Value::CreateTensor(memory, bytes.data(), bytes.size(), shape.dims().data(),
                                  shape.rank(), element_type_of(spec.type));
}

}  // namespace

bool ByShapes::precedes(Shapes a, Shapes b) noexcept {
  return std::ranges::lexicographical_compare(a, b, [](const Shape& one, const Shape& other) {
    return std::ranges::lexicographical_compare(one.dims(), other.dims());
  });
}

BindingSet::BindingSet(Ort::Session& session, const ModelSignature& signature)
    : session_(session),
      signature_(signature),
      plan_(signature),
      memory_(Ort::MemoryInfo::CreateCpu(OrtDeviceAllocator, OrtMemTypeCPU)),
      input_buffers_(signature.inputs.size()),
      output_buffers_(signature.outputs.size()) {}

Result<std::span<std::byte>> BindingSet::input_bytes(std::size_t input, std::size_t size) {
  Buffer& buffer = input_buffers_[input];
  if (buffer.size() < std::max(size, kLeastBytes)) {
    drop_bindings();
    MUSTER_ASSIGN_OR_RETURN([[maybe_unused]] const bool grown, grow(buffer, size));
  }
  return buffer.bytes().first(size);
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
  for (Buffer& buffer : input_buffers_)
    buffer = Buffer();
  for (Buffer& buffer : output_buffers_)
    buffer = Buffer();
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
  return binding;
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
  return guarded([&] {
    if (is_string) {
      const Ort::AllocatorWithDefaultOptions allocator;
      binding.inputs.push_back(Ort::Value::CreateTensor(allocator, shape.dims().data(),
                                                        shape.rank(), element_type_of(spec.type)));
      binding.input_memory.push_back(nullptr);
    } else {
      binding.input_memory.push_back(input_buffers_[input].bytes().data());
      binding.inputs.push_back(
          value_over(memory_, spec, shape, input_buffers_[input].bytes().first(size)));
    }
    binding.io.BindInput(spec.name.c_str(), binding.inputs.back());
  });
}

Status BindingSet::read_from(Binding& binding, std::size_t input,
                             std::span<const std::byte> bytes) const {
  const TensorSpec& spec = signature_.inputs[input];
  if (spec.type == DataType::kBytes || binding.input_memory[input] == bytes.data()) return {};
  return guarded([&] {
    // The runtime writes to no input.
    auto* const memory = const_cast<std::byte*>(bytes.data());
    Ort::Value value =
        value_over(memory_, spec, binding.input_shapes[input], {memory, bytes.size()});
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
    MUSTER_ASSIGN_OR_RETURN(const bool grown, grow(output_buffers_[i], *size));
    // The other shapes' values point into the memory that is gone.
    if (grown) drop_bindings();
    binding.outputs[i] = {spec.type, *std::move(shape), output_buffers_[i].bytes().first(*size)};
    MUSTER_RETURN_IF_ERROR(guarded([&] {
      binding.output_values.push_back(value_over(memory_, spec, binding.outputs[i].shape,
                                                 output_buffers_[i].bytes().first(*size)));
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

}  // namespace muster::onnxruntime
