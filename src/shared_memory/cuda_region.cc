// SPDX-License-Identifier: Apache-2.0
#include "shared_memory/cuda_region.h"

#include <utility>

#include "shared_memory/quoted.h"

namespace muster {
namespace {

Status in_region(const RegionStatus& region, const Status& status) {
  return status.with_context("region " + in_quotes(region.name) + " of CUDA shared memory");
}

class CudaRegion final : public MemoryRegion {
 public:
  CudaRegion(RegionStatus status, MappedBytes bytes,
             std::shared_ptr<const DeviceRegion> opened) noexcept
      : MemoryRegion(std::move(status), std::move(bytes)), opened_(std::move(opened)) {}

  [[nodiscard]] Status read(std::uint64_t from, std::span<std::byte> into) const override {
    return in_region(status(), opened_->read(from, into));
  }
  [[nodiscard]] Status write(std::uint64_t at, std::span<const std::byte> bytes) const override {
    return in_region(status(), opened_->write(at, bytes));
  }
  [[nodiscard]] std::optional<DeviceBytes> device_bytes() const override {
    return opened_->bytes();
  }

 private:
  const std::shared_ptr<const DeviceRegion> opened_;
};

}  // namespace

Result<std::shared_ptr<const MemoryRegion>> open_cuda_region(const RegionOpener& open,
                                                             RegionStatus status,
                                                             std::span<const std::byte> handle,
                                                             MappedBytes bytes) {
  auto opened = open(handle, status.device, static_cast<std::size_t>(status.byte_size));
  if (!opened.ok()) return in_region(status, opened.status());
  if (*opened == nullptr || (*opened)->bytes().size < status.byte_size)
    return in_region(status, internal_error("what was opened is not what was asked for"));
  return std::shared_ptr<const MemoryRegion>(
      std::make_shared<CudaRegion>(std::move(status), std::move(bytes), *std::move(opened)));
}

}  // namespace muster
