// SPDX-License-Identifier: Apache-2.0
#include <new>

#include <muster/tensor.h>

namespace muster {

Result<Buffer> Buffer::allocate(std::size_t size) {
  Buffer buffer;
  if (size == 0) return buffer;
  const bool aligned = size >= kAlignedFrom;
  auto* data = static_cast<std::byte*>(
      aligned ? ::operator new (size, std::align_val_t{kAlignment}, std::nothrow)
              : ::operator new(size, std::nothrow));
  if (data == nullptr) {
    return resource_exhausted("no memory for a buffer of " + std::to_string(size) + " bytes");
  }
  buffer.data_ = {data, Free{aligned}};
  buffer.size_ = size;
  return buffer;
}

void Buffer::Free::operator()(std::byte* data) const noexcept {
  if (aligned) {
    ::operator delete (data, std::align_val_t{kAlignment});
  } else {
    ::operator delete(data);
  }
}

}  // namespace muster
