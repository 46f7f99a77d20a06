// SPDX-License-Identifier: Apache-2.0
// SharedMemoryRegions: memory of clients on this machine, by the names under which they registered
// it: POSIX shared memory, and memory of GPUs. Off unless the server was told to allow it.
//
// Regions of both kinds share their names, and are only ever copied from and to: a client that
// shrinks its memory while it is used gets an error instead of ending the process, and what was
// read once stays as it was. Any thread. A region lives as long as a slice of it, also when it was
// unregistered meanwhile.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <muster/status.h>

#include "base/mutex.h"
#include "shared_memory/cuda_region.h"
#include "shared_memory/memory_region.h"
#include "shared_memory/opening_thread.h"

namespace muster {

struct SharedMemoryLimits {
  std::size_t max_regions = 1024;
  std::size_t max_name_bytes = 1024;
  // Of all regions that are mapped. A file of holes costs its client nothing and address space
  // here.
  std::uint64_t max_bytes = std::uint64_t{256} << 30;
  // Regions of GPU memory that wait for one to be opened.
  std::size_t max_openings = 64;
};

class SharedMemoryRegions {
 public:
  using Done = std::function<void(Status)>;

  // `opener`: of CUDA shared memory; empty where the server has none.
  explicit SharedMemoryRegions(bool allowed, SharedMemoryLimits limits = {},
                               RegionOpener opener = {});
  SharedMemoryRegions(const SharedMemoryRegions&) = delete;
  SharedMemoryRegions& operator=(const SharedMemoryRegions&) = delete;
  // Waits for an opening that is under way; what waits behind it is answered kUnavailable.
  ~SharedMemoryRegions();

  [[nodiscard]] bool allowed() const noexcept { return allowed_; }
  // Ok, or kUnimplemented: what a registration of CUDA shared memory would say whatever it is of.
  [[nodiscard]] Status cuda_supported() const;

  // Every call: kUnimplemented where shared memory is not allowed.
  // kInvalidArgument: no such object, out of its bounds, name taken, a limit. `key` is a POSIX
  // name,
  // "/name" or "name", and no path.
  [[nodiscard]] Status add(std::string_view name, std::string_view key, std::uint64_t offset,
                           std::uint64_t byte_size);
  // Opens the handle aside, once. `done` is called once, on this thread where the order is refused,
  // else on another: the same errors, and those of the opener (kFailedPrecondition: there is no
  // GPU).
  void add_cuda(CudaRegionOrder order, Done done);
  // "" = all of that kind. An unknown name is no error, nor is one of the other kind.
  [[nodiscard]] Status remove(std::string_view name, RegionKind kind = RegionKind::kSystem);
  // "" = all of that kind, by name; kNotFound.
  [[nodiscard]] Result<std::vector<RegionStatus>> status(
      std::string_view name, RegionKind kind = RegionKind::kSystem) const;
  // Of either kind. `offset` counts from the region's beginning. kInvalidArgument where it is
  // unknown or too small.
  [[nodiscard]] Result<RegionSlice> slice(std::string_view name, std::uint64_t offset,
                                          std::uint64_t byte_size) const;

 private:
  [[nodiscard]] Status check_name(std::string_view name) const;
  [[nodiscard]] Status check_free(std::string_view name) const MUSTER_REQUIRES(mutex_);
  [[nodiscard]] Result<MappedBytes> reserve(std::string_view name, std::uint64_t bytes);
  [[nodiscard]] Status keep(std::shared_ptr<const MemoryRegion> region);
  [[nodiscard]] Status begin_opening(CudaRegionOrder& order, Done& done);
  [[nodiscard]] Status open_cuda(RegionOpening& opening);

  const bool allowed_;
  const SharedMemoryLimits limits_;
  const RegionOpener opener_;
  // Also of regions that were removed while a slice of them lives.
  const MappedBytes::Sum mapped_ = std::make_shared<std::atomic<std::uint64_t>>(0);
  mutable Mutex mutex_;
  std::map<std::string, std::shared_ptr<const MemoryRegion>, std::less<>> regions_
      MUSTER_GUARDED_BY(mutex_);
  OpeningThread opening_;  // the last: it ends before what it fills
};

}  // namespace muster
