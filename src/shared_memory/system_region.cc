// SPDX-License-Identifier: Apache-2.0
#include "shared_memory/system_region.h"

#include <cerrno>
#include <climits>
#include <cstring>
#include <string>
#include <utility>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared_memory/guarded_mapping.h"
#include "shared_memory/quoted.h"

namespace muster {
namespace {

// An open object of shared memory and the part of it that was registered, mapped.
class SystemRegion final : public MemoryRegion {
 public:
  SystemRegion(int file, RegionStatus status, MappedBytes bytes) noexcept
      : MemoryRegion(std::move(status), std::move(bytes)), file_(file) {}
  SystemRegion(const SystemRegion&) = delete;
  SystemRegion& operator=(const SystemRegion&) = delete;
  ~SystemRegion() override { ::close(file_); }

  // False: the system gives no room for it.
  [[nodiscard]] bool map() {
    mapping_ = GuardedMapping::of(file_, status().offset, status().byte_size);
    return mapping_ != nullptr;
  }

  // A page that is gone tells itself; one that was cut reads as zeros, so that the size is asked
  // for, and after the reading: what was there then, was there all the time.
  [[nodiscard]] Status read(std::uint64_t from, std::span<std::byte> into) const override {
    if (mapping_->read(into, from) && has(from, into.size())) return {};
    return has_shrunk();
  }
  // A mapping makes no file grow again that its client has cut.
  [[nodiscard]] Status write(std::uint64_t at, std::span<const std::byte> bytes) const override {
    if (mapping_->write(bytes, at) && has(at, bytes.size())) return {};
    return has_shrunk();
  }

 private:
  // Whether the object still has these bytes.
  [[nodiscard]] bool has(std::uint64_t from, std::uint64_t size) const {
    struct stat found = {};
    return ::fstat(file_, &found) == 0 &&
           lies_within(status().offset + from, size, static_cast<std::uint64_t>(found.st_size));
  }
  [[nodiscard]] Status has_shrunk() const {
    return invalid_argument("the shared memory " + in_quotes(status().key) + " of region " +
                            in_quotes(status().name) + " has become smaller than was registered");
  }

  const int file_;
  std::unique_ptr<GuardedMapping> mapping_;
};

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

}  // namespace

Result<std::shared_ptr<const MemoryRegion>> open_system_region(RegionStatus status,
                                                               MappedBytes bytes) {
  MUSTER_ASSIGN_OR_RETURN(const std::string object, object_name(status.key));
  const int file = ::shm_open(object.c_str(), O_RDWR | O_CLOEXEC, 0);
  if (file < 0) {
    return invalid_argument("the shared memory " + in_quotes(status.key) + " of region " +
                            in_quotes(status.name) + " cannot be opened: " + std::strerror(errno));
  }
  const std::uint64_t end_wanted = status.offset + status.byte_size;
  auto region = std::make_shared<SystemRegion>(file, std::move(status), std::move(bytes));
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
  return std::shared_ptr<const MemoryRegion>(std::move(region));
}

}  // namespace muster
