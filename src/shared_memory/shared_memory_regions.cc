// SPDX-License-Identifier: Apache-2.0
#include "shared_memory/shared_memory_regions.h"

#include <cerrno>
#include <climits>
#include <cstring>
#include <limits>
#include <utility>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "shared_memory/guarded_mapping.h"

namespace muster {

// An open object of shared memory and the part of it that was registered, mapped.
class SharedMemoryRegion {
 public:
  SharedMemoryRegion(int file, RegionStatus status, MappedBytes bytes) noexcept
      : bytes_(std::move(bytes)), file_(file), status_(std::move(status)) {}
  // False: the system gives no room for it.
  [[nodiscard]] bool map() {
    mapping_ = GuardedMapping::of(file_, status_.offset, status_.byte_size);
    return mapping_ != nullptr;
  }
  SharedMemoryRegion(const SharedMemoryRegion&) = delete;
  SharedMemoryRegion& operator=(const SharedMemoryRegion&) = delete;
  ~SharedMemoryRegion() { ::close(file_); }

  [[nodiscard]] int file() const noexcept { return file_; }
  [[nodiscard]] const RegionStatus& status() const noexcept { return status_; }
  [[nodiscard]] const GuardedMapping& mapping() const noexcept { return *mapping_; }

 private:
  const MappedBytes bytes_;  // before the mapping: they are given back after it has gone
  const int file_;
  const RegionStatus status_;
  std::unique_ptr<GuardedMapping> mapping_;
};

namespace {

constexpr auto kMaxOffset = static_cast<std::uint64_t>(std::numeric_limits<off_t>::max());

Status not_allowed() {
  return unimplemented("shared memory is off; start the server with --shared-memory to allow it");
}

std::string in_quotes(std::string_view text) {
  return "'" + printable(text) + "'";
}

// "/name" for shm_open; a name with another slash could leave the folder that the system keeps.
Result<std::string> object_name(std::string_view key) {
  const std::string_view bare = key.starts_with('/') ? key.substr(1) : key;
  if (bare.empty() || bare.size() > NAME_MAX || bare == "." || bare == ".." ||
      bare.find('/') != std::string_view::npos || bare.find('\0') != std::string_view::npos) {
    return invalid_argument("the shared memory key " + in_quotes(key) +
                            " is no name of a POSIX shared memory object");
  }
  return "/" + std::string(bare);
}

bool fits(std::uint64_t offset, std::uint64_t size, std::uint64_t whole) {
  return offset <= whole && size <= whole - offset;
}

Result<std::shared_ptr<const SharedMemoryRegion>> open_region(RegionStatus status,
                                                              MappedBytes bytes) {
  MUSTER_ASSIGN_OR_RETURN(const std::string object, object_name(status.key));
  const int file = ::shm_open(object.c_str(), O_RDWR | O_CLOEXEC, 0);
  if (file < 0) {
    return invalid_argument("the shared memory " + in_quotes(status.key) + " of region " +
                            in_quotes(status.name) + " cannot be opened: " + std::strerror(errno));
  }
  const std::uint64_t end_wanted = status.offset + status.byte_size;
  auto region = std::make_shared<SharedMemoryRegion>(file, std::move(status), std::move(bytes));
  struct stat found = {};
  if (::fstat(file, &found) != 0 || !S_ISREG(found.st_mode) || found.st_size < 0) {
    return invalid_argument("the size of shared memory " + in_quotes(region->status().key) +
                            " cannot be told");
  }
  if (end_wanted > static_cast<std::uint64_t>(found.st_size)) {
    return invalid_argument("region " + in_quotes(region->status().name) + " ends at byte " +
                            std::to_string(end_wanted) + " of shared memory " +
                            in_quotes(region->status().key) + ", which has " +
                            std::to_string(found.st_size));
  }
  if (!region->map()) {
    return invalid_argument("the shared memory " + in_quotes(region->status().key) + " of region " +
                            in_quotes(region->status().name) +
                            " cannot be mapped: " + std::strerror(errno));
  }
  return std::shared_ptr<const SharedMemoryRegion>(std::move(region));
}

// Whether the object still has these bytes.
bool has(const SharedMemoryRegion& region, std::uint64_t offset, std::uint64_t size) {
  struct stat found = {};
  return ::fstat(region.file(), &found) == 0 &&
         fits(offset, size, static_cast<std::uint64_t>(found.st_size));
}

Status has_shrunk(const RegionStatus& status) {
  return invalid_argument("the shared memory " + in_quotes(status.key) + " of region " +
                          in_quotes(status.name) + " has become smaller than was registered");
}

}  // namespace

const std::string& RegionSlice::region_name() const noexcept {
  return region_->status().name;
}

std::uint64_t RegionSlice::region_offset() const noexcept {
  return offset_ - region_->status().offset;
}

Status RegionSlice::read(std::span<std::byte> into, std::uint64_t from) const {
  if (!fits(from, into.size(), size_)) return internal_error("a slice is read beyond its end");
  if (into.empty()) return {};
  const std::uint64_t start = offset_ + from;
  // A page that is gone tells itself; one that was cut reads as zeros, so that the size is asked
  // for, and after the reading: what was there then, was there all the time.
  if (!region_->mapping().read(into, start - region_->status().offset) ||
      !has(*region_, start, into.size())) {
    return has_shrunk(region_->status());
  }
  return {};
}

Status RegionSlice::write(std::span<const std::byte> bytes) const {
  if (bytes.size() > size_) return internal_error("a slice is written beyond its end");
  if (bytes.empty()) return {};
  // A mapping makes no file grow again that its client has cut.
  if (!region_->mapping().write(bytes, offset_ - region_->status().offset) ||
      !has(*region_, offset_, bytes.size())) {
    return has_shrunk(region_->status());
  }
  return {};
}

SharedMemoryRegions::SharedMemoryRegions(bool allowed, SharedMemoryLimits limits)
    : allowed_(allowed), limits_(limits) {}

SharedMemoryRegions::~SharedMemoryRegions() = default;

Result<MappedBytes> SharedMemoryRegions::reserve(std::uint64_t bytes) {
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

Status SharedMemoryRegions::add(std::string_view name, std::string_view key, std::uint64_t offset,
                                std::uint64_t byte_size) {
  if (!allowed_) return not_allowed();
  if (name.empty() || name.size() > limits_.max_name_bytes) {
    return invalid_argument("a region's name has 1 to " + std::to_string(limits_.max_name_bytes) +
                            " bytes");
  }
  if (byte_size == 0 || !fits(offset, byte_size, kMaxOffset)) {
    return invalid_argument("region " + in_quotes(name) + " of " + std::to_string(byte_size) +
                            " bytes at offset " + std::to_string(offset) + " is not possible");
  }
  const auto taken = [&]() MUSTER_REQUIRES(mutex_) -> Status {
    if (regions_.contains(name)) {
      return invalid_argument("there is a region " + in_quotes(name) +
                              " already; unregister it first");
    }
    if (regions_.size() >= limits_.max_regions) {
      return invalid_argument("there are " + std::to_string(regions_.size()) +
                              " regions already, the most there may be");
    }
    return {};
  };
  {
    const MutexLock lock(mutex_);
    MUSTER_RETURN_IF_ERROR(taken());
  }
  MUSTER_ASSIGN_OR_RETURN(MappedBytes bytes, reserve(byte_size));
  MUSTER_ASSIGN_OR_RETURN(
      auto region,
      open_region({std::string(name), std::string(key), offset, byte_size}, std::move(bytes)));
  const MutexLock lock(mutex_);
  MUSTER_RETURN_IF_ERROR(taken());
  regions_.emplace(std::string(name), std::move(region));
  return {};
}

Status SharedMemoryRegions::remove(std::string_view name) {
  if (!allowed_) return not_allowed();
  // Unmapping takes its time, in which others may go on.
  decltype(regions_) gone;
  const MutexLock lock(mutex_);
  if (name.empty()) {
    gone.swap(regions_);
  } else if (const auto found = regions_.find(name); found != regions_.end()) {
    gone.insert(regions_.extract(found));
  }
  return {};
}

Result<std::vector<RegionStatus>> SharedMemoryRegions::status(std::string_view name) const {
  if (!allowed_) return not_allowed();
  const MutexLock lock(mutex_);
  std::vector<RegionStatus> list;
  for (const auto& [key, region] : regions_) {
    if (name.empty() || key == name) list.push_back(region->status());
  }
  if (list.empty() && !name.empty()) {
    return not_found("there is no shared memory region " + in_quotes(name));
  }
  return list;
}

Result<RegionSlice> SharedMemoryRegions::slice(std::string_view name, std::uint64_t offset,
                                               std::uint64_t byte_size) const {
  if (!allowed_) return not_allowed();
  std::shared_ptr<const SharedMemoryRegion> region;
  {
    const MutexLock lock(mutex_);
    const auto found = regions_.find(name);
    if (found == regions_.end()) {
      return invalid_argument("there is no shared memory region " + in_quotes(name) +
                              "; register it first");
    }
    region = found->second;
  }
  const RegionStatus& status = region->status();
  if (!fits(offset, byte_size, status.byte_size)) {
    return invalid_argument(std::to_string(byte_size) + " bytes at offset " +
                            std::to_string(offset) + " do not lie in region " + in_quotes(name) +
                            " of " + std::to_string(status.byte_size) + " bytes");
  }
  const std::uint64_t start = status.offset + offset;
  return RegionSlice(std::move(region), start, byte_size);
}

}  // namespace muster
