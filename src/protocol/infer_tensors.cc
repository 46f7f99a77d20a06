// SPDX-License-Identifier: Apache-2.0
#include "protocol/infer_tensors.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>

#include "inference/tensor_source.h"

namespace muster {
namespace {

std::string in_quotes(std::string_view text) {
  return "'" + printable(text) + "'";
}

Status check_bools(std::span<const std::byte> bytes) {
  const auto is_none = [](std::byte value) { return value > std::byte{1}; };
  const auto found = std::find_if(bytes.begin(), bytes.end(), is_none);
  if (found == bytes.end()) return {};
  return invalid_argument("element " + std::to_string(found - bytes.begin()) + " is " +
                          std::to_string(std::to_integer<int>(*found)) +
                          ", which is no BOOL (0 or 1)");
}

// As bytes_elements does, but nothing is kept.
Status check_strings(std::size_t count, std::span<const std::byte> bytes) {
  for (std::size_t i = 0; i < count; ++i) {
    std::uint32_t length = 0;
    if (bytes.size() >= sizeof(length)) {
      std::memcpy(&length, bytes.data(), sizeof(length));
      bytes = bytes.subspan(sizeof(length));
      if (length <= bytes.size()) {
        bytes = bytes.subspan(length);
        continue;
      }
    }
    return invalid_argument("the bytes end within element " + std::to_string(i) + " of " +
                            std::to_string(count));
  }
  if (bytes.empty()) return {};
  return invalid_argument(std::to_string(bytes.size()) + " bytes follow its last element");
}

Status check_size(const InputHead& head, std::size_t given) {
  if (head.type == DataType::kBytes) return {};
  const std::size_t expected = head.elements * element_size(head.type);
  if (given == expected) return {};
  return invalid_argument("shape " + head.shape.to_string() + " of " +
                          std::string(data_type_name(head.type)) + " takes " +
                          std::to_string(expected) + " bytes, " + std::to_string(given) + " given");
}

Status check_values(const InputHead& head, std::span<const std::byte> bytes) {
  if (head.type == DataType::kBool) return check_bools(bytes);
  if (head.type == DataType::kBytes) return check_strings(head.elements, bytes);
  return {};
}

// The request's inputs so far and one more of this size.
Status check_room(const InferRequest& request, std::uint64_t size, const ProtocolLimits& limits) {
  std::uint64_t left = limits.max_input_bytes;
  for (const InferInput& input : request.inputs) {
    left -= std::min<std::uint64_t>(left, input_bytes(input));
  }
  if (size <= left) return {};
  return invalid_argument("a request with inputs in shared memory may have " +
                          std::to_string(limits.max_input_bytes) + " bytes of inputs");
}

class RegionSource final : public TensorSource {
 public:
  explicit RegionSource(RegionSlice slice) noexcept
      : TensorSource(slice.size()), slice_(std::move(slice)), on_device_(slice_.device_bytes()) {}

  [[nodiscard]] const RegionSlice& slice() const noexcept { return slice_; }
  [[nodiscard]] Status read(std::size_t offset, std::span<std::byte> into) const override {
    return slice_.read(into, offset);
  }
  [[nodiscard]] const DeviceBytes* device_bytes() const noexcept override {
    return on_device_ ? &*on_device_ : nullptr;
  }

 private:
  const RegionSlice slice_;
  const std::optional<DeviceBytes> on_device_;
};

bool needs_check(DataType type) {
  return type == DataType::kBool || type == DataType::kBytes;
}

Result<RegionSlice> slice_of(const InputHead& head, const RegionPlace& place,
                             const DecodeContext& context, const InferRequest& request) {
  MUSTER_RETURN_IF_ERROR(check_size(head, place.byte_size.value_or(0)));
  MUSTER_RETURN_IF_ERROR(check_room(request, place.byte_size.value_or(0), *context.limits));
  MUSTER_ASSIGN_OR_RETURN(std::optional<RegionSlice> slice, region_slice(place, context));
  if (!slice) return internal_error("a tensor in shared memory names no region");
  return *std::move(slice);
}

Result<Tensor> read_slice(const InputHead& head, const RegionSlice& slice) {
  MUSTER_ASSIGN_OR_RETURN(Tensor tensor, Tensor::allocate(head.type, head.shape, slice.size()));
  MUSTER_RETURN_IF_ERROR(slice.read(tensor.bytes()));
  MUSTER_RETURN_IF_ERROR(check_values(head, tensor.bytes()));
  return tensor;
}

Status check_elements(const InputHead& head, std::span<const std::byte> bytes) {
  MUSTER_RETURN_IF_ERROR(check_size(head, bytes.size()));
  return check_values(head, bytes);
}

}  // namespace

Status check_tensor_name(std::string_view kind, std::string_view name, std::size_t index,
                         const ProtocolLimits& limits) {
  if (index >= limits.max_tensors) {
    return invalid_argument("there are more than " + std::to_string(limits.max_tensors) + " " +
                            std::string(kind) + "s");
  }
  if (name.empty()) {
    return invalid_argument(std::string(kind) + " " + std::to_string(index) + " has no name");
  }
  if (name.size() > limits.max_name_bytes) {
    return invalid_argument("the name of " + std::string(kind) + " '" + printable(name, 40) +
                            "' has more than " + std::to_string(limits.max_name_bytes) + " bytes");
  }
  return {};
}

Status check_id(std::string_view id, const ProtocolLimits& limits) {
  if (id.size() <= limits.max_id_bytes) return {};
  return invalid_argument("the request's id has " + std::to_string(id.size()) +
                          " bytes, the limit is " + std::to_string(limits.max_id_bytes));
}

Result<DataType> read_datatype(std::string_view name) {
  // The prefix is what config.pbtxt writes, and no client.
  if (name.starts_with("TYPE_")) {
    return invalid_argument("unknown data type '" + printable(name) + "'");
  }
  return parse_data_type(name);
}

Status check_rank(std::size_t rank, const ProtocolLimits& limits) {
  if (rank <= limits.max_rank) return {};
  return invalid_argument("the shape has more than " + std::to_string(limits.max_rank) +
                          " dimensions");
}

Status set_shape(InputHead& head, Shape shape) {
  if (const std::size_t size = element_size(head.type); size > 0) {
    // With the size of an element, so that no product of the two overflows later.
    MUSTER_ASSIGN_OR_RETURN(const std::size_t bytes, byte_size(head.type, shape));
    head.elements = bytes / size;
  } else {
    MUSTER_ASSIGN_OR_RETURN(head.elements, element_count(shape));
  }
  head.shape = std::move(shape);
  return {};
}

std::string tensor_label(std::string_view kind, std::string_view name, std::size_t index) {
  return std::string(kind) + " " + (name.empty() ? std::to_string(index) : in_quotes(name));
}

Status in_input(std::string_view name, const Status& status) {
  return status.ok() ? status : status.with_context("input " + in_quotes(name));
}

Status add_view(InputHead&& head, std::span<const std::byte> bytes, InferRequest& request) {
  if (const Status elements = check_elements(head, bytes); !elements.ok()) {
    return in_input(head.name, elements);
  }
  request.inputs.push_back({std::move(head.name), {head.type, std::move(head.shape), bytes}});
  return {};
}

Result<Tensor> copied_tensor(const InputHead& head, std::span<const std::byte> bytes) {
  MUSTER_RETURN_IF_ERROR(check_elements(head, bytes));
  return Tensor::copy_of(head.type, head.shape, bytes);
}

Status add_from_region(InputHead head, const RegionPlace& place, const DecodeContext& context,
                       InferRequest& request) {
  auto slice = slice_of(head, place, context, request);
  if (!slice.ok()) return in_input(head.name, slice.status());
  const bool is_empty = head.elements == 0 && slice->size() == 0;
  if (needs_check(head.type) && !is_empty) {
    auto tensor = read_slice(head, *slice);
    if (!tensor.ok()) return in_input(head.name, tensor.status());
    request.add_input(std::move(head.name), *std::move(tensor));
    return {};
  }
  std::shared_ptr<const TensorSource> source =
      std::make_shared<const RegionSource>(*std::move(slice));
  request.inputs.push_back(
      {std::move(head.name), {head.type, std::move(head.shape), {}}, std::move(source)});
  return {};
}

std::optional<RegionPlace> place_of(const InferInput& input) {
  const auto* const source = dynamic_cast<const RegionSource*>(input.source.get());
  if (source == nullptr) return std::nullopt;
  const RegionSlice& slice = source->slice();
  return RegionPlace{slice.region_name(), slice.region_offset(), slice.size(), true, true};
}

Result<std::optional<RegionSlice>> region_slice(const RegionPlace& place,
                                                const DecodeContext& context) {
  if (!place.named) {
    if (!place.placed) return std::optional<RegionSlice>();
    return invalid_argument(
        "shared_memory_offset and shared_memory_byte_size need a shared_memory_region");
  }
  if (!place.byte_size) {
    return invalid_argument("shared_memory_region needs a shared_memory_byte_size");
  }
  if (context.regions == nullptr) return unimplemented("shared memory is not supported here");
  if (context.permission != nullptr && context.regions->allowed()) {
    MUSTER_RETURN_IF_ERROR(context.permission->check());
  }
  MUSTER_ASSIGN_OR_RETURN(RegionSlice slice,
                          context.regions->slice(place.name, place.offset, *place.byte_size));
  return std::optional<RegionSlice>(std::move(slice));
}

}  // namespace muster
