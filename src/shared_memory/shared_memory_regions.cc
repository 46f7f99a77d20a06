// SPDX-License-Identifier: Apache-2.0
#include "shared_memory/shared_memory_regions.h"

#include <limits>
#include <utility>

#include <sys/types.h>

#include "shared_memory/quoted.h"
#include "shared_memory/system_region.h"

namespace muster {
namespace {

constexpr auto kMaxOffset = static_cast<std::uint64_t>(std::numeric_limits<off_t>::max());
constexpr std::int64_t kMaxDevice = std::numeric_limits<int>::max();

Status not_allowed() {
  return unimplemented("shared memory is off; start the server with --shared-memory to allow it");
}

Status impossible(std::string_view name, std::uint64_t byte_size, const std::string& where) {
  return invalid_argument("region " + in_quotes(name) + " of " + std::to_string(byte_size) +
                          " bytes " + where + " is not possible");
}

}  // namespace

SharedMemoryRegions::SharedMemoryRegions(bool allowed, SharedMemoryLimits limits,
                                         RegionOpener opener)
    : allowed_(allowed),
      limits_(limits),
      opener_(std::move(opener)),
      opening_(limits_.max_openings,
               [this](RegionOpening& opening) { return open_cuda(opening); }) {}

SharedMemoryRegions::~SharedMemoryRegions() = default;

Status SharedMemoryRegions::cuda_supported() const {
  if (!allowed_) return not_allowed();
  if (opener_) return {};
  return unimplemented(
      "this server has no CUDA shared memory; use system shared memory or send the bytes");
}

Status SharedMemoryRegions::check_name(std::string_view name) const {
  if (!name.empty() && name.size() <= limits_.max_name_bytes) return {};
  return invalid_argument("a region's name has 1 to " + std::to_string(limits_.max_name_bytes) +
                          " bytes");
}

Status SharedMemoryRegions::check_free(std::string_view name) const {
  if (regions_.contains(name)) {
    return invalid_argument("there is a region " + in_quotes(name) +
                            " already; unregister it first");
  }
  if (regions_.size() >= limits_.max_regions) {
    return invalid_argument("there are " + std::to_string(regions_.size()) +
                            " regions already, the most there may be");
  }
  return {};
}

// Of a region that could be kept as things are now.
Result<MappedBytes> SharedMemoryRegions::reserve(std::string_view name, std::uint64_t bytes) {
  {
    const MutexLock lock(mutex_);
    MUSTER_RETURN_IF_ERROR(check_free(name));
  }
  std::uint64_t sum = mapped_->load(std::memory_order_relaxed);
  do {
    if (sum > limits_.max_bytes || bytes > limits_.max_bytes - sum) {
      return invalid_argument("a region of " + std::to_string(bytes) + " bytes beside others of " +
                              std::to_string(sum) + " is more than the " +
                              std::to_string(limits_.max_bytes) +
                              " that all may have (--max-region-bytes)");
    }
  } while (!mapped_->compare_exchange_weak(sum, sum + bytes, std::memory_order_relaxed));
  return MappedBytes(mapped_, bytes);
}

// Another may have taken the name since it was looked at.
Status SharedMemoryRegions::keep(std::shared_ptr<const MemoryRegion> region) {
  const MutexLock lock(mutex_);
  const std::string& name = region->status().name;
  MUSTER_RETURN_IF_ERROR(check_free(name));
  regions_.emplace(name, std::move(region));
  return {};
}

Status SharedMemoryRegions::add(std::string_view name, std::string_view key, std::uint64_t offset,
                                std::uint64_t byte_size) {
  if (!allowed_) return not_allowed();
  MUSTER_RETURN_IF_ERROR(check_name(name));
  if (byte_size == 0 || !lies_within(offset, byte_size, kMaxOffset))
    return impossible(name, byte_size, "at offset " + std::to_string(offset));
  MUSTER_ASSIGN_OR_RETURN(MappedBytes bytes, reserve(name, byte_size));
  MUSTER_ASSIGN_OR_RETURN(
      std::shared_ptr<const MemoryRegion> region,
      open_system_region({std::string(name), std::string(key), offset, byte_size},
                         std::move(bytes)));
  return keep(std::move(region));
}

void SharedMemoryRegions::add_cuda(CudaRegionOrder order, Done done) {
  const Status begun = begin_opening(order, done);
  if (!begun.ok()) done(begun);
}

// Takes `done` over where all is well.
Status SharedMemoryRegions::begin_opening(CudaRegionOrder& order, Done& done) {
  MUSTER_RETURN_IF_ERROR(cuda_supported());
  MUSTER_RETURN_IF_ERROR(check_name(order.name));
  if (order.byte_size == 0 || order.byte_size > kMaxOffset || order.device < 0 ||
      order.device > kMaxDevice)
    return impossible(order.name, order.byte_size, "on GPU " + std::to_string(order.device));
  MUSTER_ASSIGN_OR_RETURN(MappedBytes bytes, reserve(order.name, order.byte_size));
  RegionOpening opening{{.name = std::move(order.name),
                         .byte_size = order.byte_size,
                         .kind = RegionKind::kCuda,
                         .device = static_cast<int>(order.device)},
                        std::move(order.handle),
                        std::move(bytes),
                        std::move(done)};
  Status offered = opening_.offer(opening);
  if (!offered.ok()) done = std::move(opening.done);
  return offered;
}

Status SharedMemoryRegions::open_cuda(RegionOpening& opening) {
  MUSTER_ASSIGN_OR_RETURN(std::shared_ptr<const MemoryRegion> region,
                          open_cuda_region(opener_, std::move(opening.status), opening.handle,
                                           std::move(opening.bytes)));
  return keep(std::move(region));
}

Status SharedMemoryRegions::remove(std::string_view name, RegionKind kind) {
  if (!allowed_) return not_allowed();
  // Unmapping takes its time, in which others may go on.
  std::vector<std::shared_ptr<const MemoryRegion>> gone;
  const MutexLock lock(mutex_);
  for (auto each = regions_.begin(); each != regions_.end();) {
    const RegionStatus& status = each->second->status();
    if (status.kind != kind || (!name.empty() && status.name != name)) {
      ++each;
      continue;
    }
    gone.push_back(std::move(each->second));
    each = regions_.erase(each);
  }
  return {};
}

Result<std::vector<RegionStatus>> SharedMemoryRegions::status(std::string_view name,
                                                              RegionKind kind) const {
  if (!allowed_) return not_allowed();
  const MutexLock lock(mutex_);
  std::vector<RegionStatus> list;
  for (const auto& [key, region] : regions_) {
    if (region->status().kind == kind && (name.empty() || key == name))
      list.push_back(region->status());
  }
  if (list.empty() && !name.empty()) {
    return not_found(std::string("there is no ") + (kind == RegionKind::kCuda ? "CUDA " : "") +
                     "shared memory region " + in_quotes(name));
  }
  return list;
}

Result<RegionSlice> SharedMemoryRegions::slice(std::string_view name, std::uint64_t offset,
                                               std::uint64_t byte_size) const {
  if (!allowed_) return not_allowed();
  std::shared_ptr<const MemoryRegion> region;
  {
    const MutexLock lock(mutex_);
    const auto found = regions_.find(name);
    if (found == regions_.end()) {
      return invalid_argument("there is no shared memory region " + in_quotes(name) +
                              "; register it first");
    }
    region = found->second;
  }
  if (const std::uint64_t whole = region->status().byte_size;
      !lies_within(offset, byte_size, whole)) {
    return invalid_argument(std::to_string(byte_size) + " bytes at offset " +
                            std::to_string(offset) + " do not lie in region " + in_quotes(name) +
                            " of " + std::to_string(whole) + " bytes");
  }
  return RegionSlice(std::move(region), offset, byte_size);
}

}  // namespace muster
