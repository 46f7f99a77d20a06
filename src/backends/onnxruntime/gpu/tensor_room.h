// SPDX-License-Identifier: Apache-2.0
// TensorRoom: the memory of one input or output of a session, on the host and, where the runtime
// wants it on a GPU, there as well. It grows to the largest batch.
#pragma once

#include <cstddef>
#include <span>

#include <muster/tensor.h>

#include "backends/onnxruntime/gpu/gpu.h"

namespace muster::onnxruntime {

class TensorRoom {
 public:
  // `gpu`: null = on the host alone.
  explicit TensorRoom(Gpu* gpu = nullptr) noexcept : gpu_(gpu) {}

  [[nodiscard]] bool is_on_gpu() const noexcept { return gpu_ != nullptr; }
  [[nodiscard]] bool holds(std::size_t size) const noexcept;
  // True where the memory had to be replaced: whatever points into it must go. After an error there
  // is none.
  [[nodiscard]] Result<bool> grow(std::size_t size);
  // Never null once it has grown, not even of a tensor without elements.
  [[nodiscard]] std::span<std::byte> host(std::size_t size) noexcept;
  // What the runtime is given.
  [[nodiscard]] std::byte* bound() noexcept;
  // Of the GPU.
  [[nodiscard]] std::size_t device_bytes() const noexcept { return is_on_gpu() ? size_ : 0; }
  void clear() noexcept;

 private:
  [[nodiscard]] Status replace(std::size_t size);

  Gpu* gpu_;
  std::size_t size_ = 0;
  Buffer buffer_;     // without a GPU
  GpuMemory pinned_;  // both with one
  GpuMemory device_;
};

}  // namespace muster::onnxruntime
