// SPDX-License-Identifier: Apache-2.0
#include "shared_memory/memory_region.h"

namespace muster {

Status RegionSlice::read(std::span<std::byte> into, std::uint64_t from) const {
  if (!lies_within(from, into.size(), size_))
    return internal_error("a slice is read beyond its end");
  if (into.empty()) return {};
  return region_->read(offset_ + from, into);
}

Status RegionSlice::write(std::span<const std::byte> bytes) const {
  if (bytes.size() > size_) return internal_error("a slice is written beyond its end");
  if (bytes.empty()) return {};
  return region_->write(offset_, bytes);
}

std::optional<DeviceBytes> RegionSlice::device_bytes() const {
  std::optional<DeviceBytes> bytes = region_->device_bytes();
  if (!bytes) return std::nullopt;
  return DeviceBytes{bytes->device, bytes->address + offset_, size_};
}

}  // namespace muster
