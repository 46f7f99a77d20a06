// SPDX-License-Identifier: Apache-2.0
// TensorSource: an input that stays where its client put it until a batch is put together, and is
// then read straight into the session's memory: one copy, by the core that computes with it.
//
// Front ends alone use it, and only for elements whose bytes need no check: whatever is read then
// is what the model gets.
#pragma once

#include <cstddef>
#include <span>

#include <muster/backend.h>
#include <muster/inference.h>

namespace muster {

class TensorSource {
 public:
  explicit TensorSource(std::size_t size) noexcept : size_(size) {}
  TensorSource(const TensorSource&) = delete;
  TensorSource& operator=(const TensorSource&) = delete;
  virtual ~TensorSource() = default;

  // Bytes of all elements, also where there are fewer by now.
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  // Fills `into` with the bytes from `offset` on, all within size(). Fails where they are there no
  // more; what `into` holds then is undefined. Any thread.
  [[nodiscard]] virtual Status read(std::size_t offset, std::span<std::byte> into) const = 0;
  // The same bytes, where they are in a GPU's memory: a session of that GPU takes them from there.
  // Null where they are not. They stay until this ends.
  [[nodiscard]] virtual const DeviceBytes* device_bytes() const noexcept { return nullptr; }

 private:
  const std::size_t size_;
};

[[nodiscard]] inline std::size_t input_bytes(const InferInput& input) noexcept {
  return input.source ? input.source->size() : input.tensor.bytes.size();
}

}  // namespace muster
