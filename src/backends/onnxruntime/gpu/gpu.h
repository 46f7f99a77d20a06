// SPDX-License-Identifier: Apache-2.0
// Gpu: memory of a GPU and copies to and from it, as sessions need them whose inputs and outputs
// lie there. What computes is the runtime's; this is the seam under which tests put a GPU of a
// script.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <muster/backend.h>

namespace muster::onnxruntime {

// Copies of one session, one behind the other. Used by one thread at a time. An error of
// kBrokenForGood: whatever runs on the GPU in this process fails from now on.
class GpuCopies {
 public:
  virtual ~GpuCopies() = default;

  // Both return when the copy is asked for: what is named stays as it is until wait() has returned.
  [[nodiscard]] virtual Status copy_in(std::byte* device, std::span<const std::byte> host) = 0;
  [[nodiscard]] virtual Status copy_out(std::span<std::byte> host, const std::byte* device) = 0;
  [[nodiscard]] virtual Status wait() = 0;
};

// Any thread. Outlives what it has made.
class Gpu {
 public:
  // Memory of the device, or of the host so that the device reads and writes it by itself.
  enum class Kind : std::uint8_t { kDevice, kPinned };

  virtual ~Gpu() = default;

  [[nodiscard]] virtual int number() const noexcept = 0;
  // What code for it is compiled for: name, capability, driver.
  [[nodiscard]] virtual std::string identity() const = 0;
  // kResourceExhausted: there is no more. `size` is at least 1.
  [[nodiscard]] virtual Result<std::byte*> allocate(Kind kind, std::size_t size) = 0;
  virtual void free(Kind kind, std::byte* memory) noexcept = 0;
  [[nodiscard]] virtual Result<std::unique_ptr<GpuCopies>> new_copies() = 0;
  // Of the device, that nobody has; 0 where it cannot be told.
  [[nodiscard]] virtual std::uint64_t free_bytes() noexcept = 0;
};

struct GpuFree {
  Gpu* gpu = nullptr;
  Gpu::Kind kind = Gpu::Kind::kDevice;
  void operator()(std::byte* memory) const noexcept { gpu->free(kind, memory); }
};
using GpuMemory = std::unique_ptr<std::byte, GpuFree>;

[[nodiscard]] inline Result<GpuMemory> allocate_on(Gpu& gpu, Gpu::Kind kind, std::size_t size) {
  MUSTER_ASSIGN_OR_RETURN(std::byte* const memory, gpu.allocate(kind, size));
  return GpuMemory(memory, {&gpu, kind});
}

}  // namespace muster::onnxruntime
