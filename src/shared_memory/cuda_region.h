// SPDX-License-Identifier: Apache-2.0
// A region of CUDA shared memory: memory of a GPU that a client has made, opened by its handle.
//
// No CUDA is known here: whoever makes the regions brings a RegionOpener, in the server a backend
// that knows it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "shared_memory/memory_region.h"

namespace muster {

// What a client says of its memory.
struct CudaRegionOrder {
  std::string name;
  std::vector<std::byte> handle;  // a cudaIpcMemHandle_t
  std::int64_t device = 0;        // as the server counts its GPUs
  std::uint64_t byte_size = 0;
};

// As Backend::open_region. Called by one thread at a time; may take seconds, and throw nothing.
using RegionOpener = std::function<Result<std::shared_ptr<const DeviceRegion>>(
    std::span<const std::byte> handle, int device, std::size_t size)>;

// Errors name the region.
[[nodiscard]] Result<std::shared_ptr<const MemoryRegion>> open_cuda_region(
    const RegionOpener& open, RegionStatus status, std::span<const std::byte> handle,
    MappedBytes bytes);

}  // namespace muster
