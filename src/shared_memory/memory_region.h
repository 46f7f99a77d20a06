// SPDX-License-Identifier: Apache-2.0
// MemoryRegion: memory of a client on this machine, registered under a name. RegionSlice: some
// bytes of it, which keep it for as long as they are used.
//
// Where a region lies, only its kind knows: POSIX shared memory (system_region.h), or the memory of
// a GPU (cuda_region.h). Whoever uses a slice copies, or asks whether the bytes are on a GPU.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include <muster/backend.h>
#include <muster/status.h>

namespace muster {

enum class RegionKind : std::uint8_t { kSystem, kCuda };

struct RegionStatus {
  std::string name;
  std::string key = {};  // of kSystem, as given: "/input0"
  std::uint64_t offset = 0;
  std::uint64_t byte_size = 0;
  RegionKind kind = RegionKind::kSystem;
  int device = 0;  // of kCuda: the GPU, as this process counts them
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

// Any thread, but for the end.
class MemoryRegion {
 public:
  MemoryRegion(const MemoryRegion&) = delete;
  MemoryRegion& operator=(const MemoryRegion&) = delete;
  virtual ~MemoryRegion() = default;

  [[nodiscard]] const RegionStatus& status() const noexcept { return status_; }
  // From byte `from` of the region on, and from byte `at` on: one or more bytes, all within
  // byte_size. kInvalidArgument where the client has taken them away.
  [[nodiscard]] virtual Status read(std::uint64_t from, std::span<std::byte> into) const = 0;
  [[nodiscard]] virtual Status write(std::uint64_t at, std::span<const std::byte> bytes) const = 0;
  // The whole of it, where it is in a GPU's memory.
  [[nodiscard]] virtual std::optional<DeviceBytes> device_bytes() const { return std::nullopt; }

 protected:
  MemoryRegion(RegionStatus status, MappedBytes bytes) noexcept
      : bytes_(std::move(bytes)), status_(std::move(status)) {}

 private:
  const MappedBytes bytes_;  // they are given back when what is mapped has gone
  const RegionStatus status_;
};

// Checked against the bounds of its region when it was made.
class RegionSlice {
 public:
  RegionSlice(std::shared_ptr<const MemoryRegion> region, std::uint64_t offset,
              std::uint64_t size) noexcept
      : region_(std::move(region)), offset_(offset), size_(size) {}

  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
  // The name and the offset that it was made with.
  [[nodiscard]] const std::string& region_name() const noexcept { return region_->status().name; }
  [[nodiscard]] std::uint64_t region_offset() const noexcept { return offset_; }
  // Exactly as many bytes, from the slice's byte `from` on or from its first; none behind size().
  // kInvalidArgument where the client's memory has become smaller than it registered.
  [[nodiscard]] Status read(std::span<std::byte> into, std::uint64_t from = 0) const;
  [[nodiscard]] Status write(std::span<const std::byte> bytes) const;
  // Where its bytes are, if that is in a GPU's memory; valid as long as the slice.
  [[nodiscard]] std::optional<DeviceBytes> device_bytes() const;

 private:
  std::shared_ptr<const MemoryRegion> region_;
  std::uint64_t offset_;  // in the region
  std::uint64_t size_;
};

// Whether `size` bytes from `offset` on lie in `whole`.
[[nodiscard]] constexpr bool lies_within(std::uint64_t offset, std::uint64_t size,
                                         std::uint64_t whole) noexcept {
  return offset <= whole && size <= whole - offset;
}

}  // namespace muster
