// SPDX-License-Identifier: Apache-2.0
#include "backends/onnxruntime/gpu/tensor_room.h"

#include <algorithm>
#include <utility>

namespace muster::onnxruntime {
namespace {

// Never null, which the runtime would refuse even for a tensor without elements, and never too
// small to lie on a boundary.
constexpr std::size_t kLeastBytes = Buffer::kAlignedFrom;

}  // namespace

bool TensorRoom::holds(std::size_t size) const noexcept {
  return size_ >= std::max(size, kLeastBytes);
}

Result<bool> TensorRoom::grow(std::size_t size) {
  if (holds(size)) return false;
  // Half as much again, so that slowly growing batches do not replace it each time; memory of the
  // host that is never written costs nothing.
  const std::size_t wanted = std::max({size, size_ + size_ / 2, kLeastBytes});
  clear();
  Status replaced = replace(wanted);
  // On a GPU half as much again may be what is not there any more.
  if (replaced.code() == StatusCode::kResourceExhausted && is_on_gpu() && wanted > size)
    replaced = replace(std::max(size, kLeastBytes));
  if (!replaced.ok()) return replaced;
  return true;
}

Status TensorRoom::replace(std::size_t size) {
  if (!is_on_gpu()) {
    MUSTER_ASSIGN_OR_RETURN(buffer_, Buffer::allocate(size));
  } else {
    MUSTER_ASSIGN_OR_RETURN(GpuMemory device, allocate_on(*gpu_, Gpu::Kind::kDevice, size));
    MUSTER_ASSIGN_OR_RETURN(pinned_, allocate_on(*gpu_, Gpu::Kind::kPinned, size));
    device_ = std::move(device);
  }
  size_ = size;
  return {};
}

std::span<std::byte> TensorRoom::host(std::size_t size) noexcept {
  return {is_on_gpu() ? pinned_.get() : buffer_.bytes().data(), size};
}

std::byte* TensorRoom::bound() noexcept {
  return is_on_gpu() ? device_.get() : buffer_.bytes().data();
}

void TensorRoom::clear() noexcept {
  size_ = 0;
  buffer_ = Buffer();
  pinned_.reset();
  device_.reset();
}

}  // namespace muster::onnxruntime
