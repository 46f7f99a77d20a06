// SPDX-License-Identifier: Apache-2.0
#include "backends/scripted/gpu_memory.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

#include "base/text.h"

namespace muster::scripted {
namespace {

// The size that a handle tells of.
std::optional<std::size_t> allocated(std::string_view text) {
  constexpr std::string_view kBegin = "memory ";
  const std::size_t space = text.rfind(' ');
  if (!text.starts_with(kBegin) || space < kBegin.size()) return std::nullopt;
  const auto size = parse_int(text.substr(space + 1));
  if (!size || *size < 1 || static_cast<std::uint64_t>(*size) > kMaxAllocation) return std::nullopt;
  return static_cast<std::size_t>(*size);
}

Status in_range(std::size_t from, std::size_t size, std::size_t of) {
  if (from <= of && size <= of - from) return {};
  return invalid_argument(std::to_string(size) + " bytes from " + std::to_string(from) +
                          " on do not lie in a region of " + std::to_string(of));
}

}  // namespace

class GpuMemory::Region final : public DeviceRegion {
 public:
  Region(std::shared_ptr<Allocation> allocation, int device, std::size_t size)
      : allocation_(std::move(allocation)), device_(device), size_(size) {}

  [[nodiscard]] DeviceBytes bytes() const override {
    return {device_, allocation_->bytes.data(), size_};
  }
  [[nodiscard]] Status read(std::size_t from, std::span<std::byte> into) const override {
    MUSTER_RETURN_IF_ERROR(in_range(from, into.size(), size_));
    const MutexLock lock(allocation_->mutex);
    std::memcpy(into.data(), allocation_->bytes.data() + from, into.size());
    return {};
  }
  [[nodiscard]] Status write(std::size_t at, std::span<const std::byte> bytes) const override {
    MUSTER_RETURN_IF_ERROR(in_range(at, bytes.size(), size_));
    const MutexLock lock(allocation_->mutex);
    std::memcpy(allocation_->bytes.data() + at, bytes.data(), bytes.size());
    return {};
  }

 private:
  const std::shared_ptr<Allocation> allocation_;
  const int device_;
  const std::size_t size_;
};

Result<std::shared_ptr<const DeviceRegion>> GpuMemory::open(std::span<const std::byte> handle,
                                                            int device, std::size_t size) {
  if (handle.size() != kHandleBytes) {
    return invalid_argument("a handle of CUDA shared memory has " + std::to_string(kHandleBytes) +
                            " bytes, this one " + std::to_string(handle.size()));
  }
  if (device < 0 || device >= kGpus) {
    return invalid_argument("there is no GPU " + std::to_string(device) + ": this server sees " +
                            std::to_string(kGpus));
  }
  const auto end = std::ranges::find(handle, std::byte{0});
  const std::string text(reinterpret_cast<const char*>(handle.data()),
                         static_cast<std::size_t>(end - handle.begin()));
  const std::optional<std::size_t> there = allocated(text);
  if (!there) return invalid_argument("the handle names no memory: '" + printable(text) + "'");
  if (size > *there) {
    return invalid_argument("the region is said to have " + std::to_string(size) +
                            " bytes, it has " + std::to_string(*there));
  }
  const MutexLock lock(mutex_);
  std::erase_if(allocations_, [](const auto& each) { return each.second.expired(); });
  std::weak_ptr<Allocation>& known = allocations_[text];
  std::shared_ptr<Allocation> allocation = known.lock();
  if (allocation == nullptr) {
    allocation = std::make_shared<Allocation>(*there);
    known = allocation;
  }
  return std::shared_ptr<const DeviceRegion>(
      std::make_shared<Region>(std::move(allocation), device, size));
}

}  // namespace muster::scripted
