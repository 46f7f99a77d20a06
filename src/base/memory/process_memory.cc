// SPDX-License-Identifier: Apache-2.0
#include "base/memory/process_memory.h"

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <optional>

#include <sys/resource.h>
#include <unistd.h>

namespace muster {
namespace {

constexpr std::uint64_t kUnknown = std::numeric_limits<std::uint64_t>::max();

struct CloseFile {
  void operator()(std::FILE* file) const noexcept { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

std::optional<std::uint64_t> number_in(const char* path) noexcept {
  const File file(std::fopen(path, "re"));
  std::uint64_t number = 0;
  if (!file || std::fscanf(file.get(), "%" SCNu64, &number) != 1) return std::nullopt;
  return number;
}

std::uint64_t machine_has() noexcept {
  constexpr const char* kKey = "MemAvailable:";
  const File file(std::fopen("/proc/meminfo", "re"));
  char line[256];
  while (file && std::fgets(line, sizeof(line), file.get()) != nullptr) {
    if (std::strncmp(line, kKey, std::strlen(kKey)) != 0) continue;
    const std::uint64_t kibibytes = std::strtoull(line + std::strlen(kKey), nullptr, 10);
    return kibibytes > 0 ? kibibytes * 1024 : kUnknown;
  }
  return kUnknown;
}

std::uint64_t cgroup_has() noexcept {
  // "max" is no number.
  const auto most = number_in("/sys/fs/cgroup/memory.max");
  const auto taken = number_in("/sys/fs/cgroup/memory.current");
  if (!most || !taken) return kUnknown;
  return *most > *taken ? *most - *taken : 0;
}

class KernelCounts final : public ProcessMemory {
 public:
  std::uint64_t resident_bytes() noexcept override {
    const File file(std::fopen("/proc/self/statm", "re"));
    std::uint64_t all = 0;
    std::uint64_t resident = 0;
    if (!file || std::fscanf(file.get(), "%" SCNu64 " %" SCNu64, &all, &resident) != 2) return 0;
    return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  }

  std::uint64_t peak_bytes() noexcept override {
    rusage usage{};
    if (::getrusage(RUSAGE_SELF, &usage) != 0 || usage.ru_maxrss < 0) return 0;
    return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
  }

  std::uint64_t available_bytes() noexcept override {
    return std::min(machine_has(), cgroup_has());
  }
};

}  // namespace

ProcessMemory& process_memory() noexcept {
  static KernelCounts counts;
  return counts;
}

}  // namespace muster
