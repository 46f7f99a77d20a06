// SPDX-License-Identifier: Apache-2.0
// SharedMemoryRegions: POSIX shared memory of clients on this machine, by the names under which
// they registered it. Off unless the server was told to allow it.
//
// Regions are mapped, and only ever copied from and to: a client that shrinks its memory
// while it is used gets an error instead of ending the process, and what was read once stays as it
// was. Any thread. A region lives as long as a slice of it, also when it was unregistered
// meanwhile.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <muster/status.h>

#include "base/mutex.h"

namespace muster {

struct RegionStatus {
  std::string name;
  std::string key;  // as given: "/input0"
  std::uint64_t offset = 0;
  std::uint64_t byte_size = 0;
};

struct SharedMemoryLimits {
  std::size_t max_regions = 1024;
  std::size_t max_name_bytes = 1024;
  // Of all regions that are mapped. A file of holes costs its client nothing and address space
  // here.
  std::uint64_t max_bytes = std::uint64_t{256} << 30;
};

// Bytes that are mapped, counted until nobody holds them any more.
class MappedBytes {
 public:
  using Sum = std::shared_ptr<std::atomic<std::uint64_t>>;
  MappedBytes(Sum sum, std::uint64_t bytes) noexcept : sum_(std::move(sum)), bytes_(bytes) {}
  MappedBytes(MappedBytes&& other) noexcept = default;
  MappedBytes& operator=(MappedBytes&&) = delete;
  ~MappedBytes() {
    if (sum_ != nullptr) sum_->fetch_sub(bytes_, std::memory_order_relaxed);
  }

 private:
  Sum sum_;
  std::uint64_t bytes_;
};

class SharedMemoryRegion;

// Some bytes of a region, checked against its bounds when the slice was made.
class RegionSlice {
 public:
  RegionSlice(std::shared_ptr<const SharedMemoryRegion> region, std::uint64_t offset,
              std::uint64_t size) noexcept
      : region_(std::move(region)), offset_(offset), size_(size) {}

  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
  // The name and the offset that it was made with.
  [[nodiscard]] const std::string& region_name() const noexcept;
  [[nodiscard]] std::uint64_t region_offset() const noexcept;
  // Exactly as many bytes, from the slice's byte `from` on or from its first; none behind size().
  // kInvalidArgument where the client's memory has become smaller than it registered.
  [[nodiscard]] Status read(std::span<std::byte> into, std::uint64_t from = 0) const;
  [[nodiscard]] Status write(std::span<const std::byte> bytes) const;

 private:
  std::shared_ptr<const SharedMemoryRegion> region_;
  std::uint64_t offset_;  // in the object
  std::uint64_t size_;
};

class SharedMemoryRegions {
 public:
  explicit SharedMemoryRegions(bool allowed, SharedMemoryLimits limits = {});
  SharedMemoryRegions(const SharedMemoryRegions&) = delete;
  SharedMemoryRegions& operator=(const SharedMemoryRegions&) = delete;
  ~SharedMemoryRegions();

  [[nodiscard]] bool allowed() const noexcept { return allowed_; }

  // Every call: kUnimplemented where shared memory is not allowed.
  // kInvalidArgument: no such object, out of its bounds, name taken, a limit. `key` is a POSIX
  // name,
  // "/name" or "name", and no path.
  [[nodiscard]] Status add(std::string_view name, std::string_view key, std::uint64_t offset,
                           std::uint64_t byte_size);
  // "" = all. An unknown name is no error.
  [[nodiscard]] Status remove(std::string_view name);
  // "" = all, by name; kNotFound.
  [[nodiscard]] Result<std::vector<RegionStatus>> status(std::string_view name) const;
  // `offset` counts from the region's beginning. kInvalidArgument where it is unknown or too small.
  [[nodiscard]] Result<RegionSlice> slice(std::string_view name, std::uint64_t offset,
                                          std::uint64_t byte_size) const;

 private:
  [[nodiscard]] Result<MappedBytes> reserve(std::uint64_t bytes);

  const bool allowed_;
  const SharedMemoryLimits limits_;
  // Also of regions that were removed while a slice of them lives.
  const MappedBytes::Sum mapped_ = std::make_shared<std::atomic<std::uint64_t>>(0);
  mutable Mutex mutex_;
  std::map<std::string, std::shared_ptr<const SharedMemoryRegion>, std::less<>> regions_
      MUSTER_GUARDED_BY(mutex_);
};

}  // namespace muster
