// SPDX-License-Identifier: Apache-2.0
#include <new>

#include <muster/tensor.h>

namespace muster {

Result<Buffer> Buffer::allocate(std::size_t size) {
  Buffer buffer;
  if (size == 0) return buffer;
  auto* data = static_cast<std::byte*>(
      ::operator new(size, std::align_val_t{kAlignment}, std::nothrow));
  if (data == nullptr) {
    return resource_exhausted("no memory for a buffer of " + std::to_string(size) + " bytes");
  }
  buffer.data_.reset(data);
  buffer.size_ = size;
  return buffer;
}

void Buffer::Free::operator()(std::byte* data) const noexcept {
  ::operator delete(data, std::align_val_t{kAlignment});
}

}  // namespace muster
