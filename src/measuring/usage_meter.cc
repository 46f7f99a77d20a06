// SPDX-License-Identifier: Apache-2.0
#include "measuring/usage_meter.h"

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <ctime>
#include <limits>
#include <memory>
#include <optional>

#include <unistd.h>

namespace muster {
namespace {

struct CloseFile {
  void operator()(std::FILE* file) const noexcept { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

constexpr std::uint64_t kUnknown = std::numeric_limits<std::uint64_t>::max();

std::optional<std::uint64_t> number_in(const char* path) noexcept {
  const File file(std::fopen(path, "re"));
  std::uint64_t number = 0;
  if (!file || std::fscanf(file.get(), "%" SCNu64, &number) != 1) return std::nullopt;
  return number;
}

// What RLIMIT_DATA is held against: private memory that can be written to.
std::optional<std::uint64_t> data_bytes() noexcept {
  const File file(std::fopen("/proc/self/status", "re"));
  char line[256];
  while (file && std::fgets(line, sizeof(line), file.get()) != nullptr) {
    std::uint64_t kibibytes = 0;
    if (std::sscanf(line, "VmData: %" SCNu64, &kibibytes) == 1) return kibibytes * 1024;
  }
  return std::nullopt;
}

class ProcessUsage final : public UsageMeter {
 public:
  std::chrono::nanoseconds cpu_time() noexcept override {
    timespec time{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
  }

  std::uint64_t resident_bytes() noexcept override {
    const File file(std::fopen("/proc/self/statm", "re"));
    std::uint64_t all = 0;
    std::uint64_t resident = 0;
    if (!file || std::fscanf(file.get(), "%" SCNu64 " %" SCNu64, &all, &resident) != 2) return 0;
    return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  }

  std::uint64_t available_bytes() noexcept override {
    return std::min(machine_has(), cgroup_has());
  }

 private:
  static std::uint64_t machine_has() noexcept {
    const File file(std::fopen("/proc/meminfo", "re"));
    char line[256];
    while (file && std::fgets(line, sizeof(line), file.get()) != nullptr) {
      std::uint64_t kibibytes = 0;
      if (std::sscanf(line, "MemAvailable: %" SCNu64, &kibibytes) == 1) return kibibytes * 1024;
    }
    return kUnknown;
  }

  static std::uint64_t cgroup_has() noexcept {
    // "max" is no number.
    const auto most = number_in("/sys/fs/cgroup/memory.max");
    const auto taken = number_in("/sys/fs/cgroup/memory.current");
    if (!most || !taken) return kUnknown;
    return *most > *taken ? *most - *taken : 0;
  }
};

}  // namespace

MemoryBound::MemoryBound(std::uint64_t more_bytes) noexcept {
  ::getrlimit(RLIMIT_DATA, &before_);
  const auto data = data_bytes();
  rlimit bound = before_;
  if (!data || __builtin_add_overflow(*data, more_bytes, &bound.rlim_cur)) return;
  bound.rlim_cur = std::min(bound.rlim_cur, before_.rlim_cur);
  ::setrlimit(RLIMIT_DATA, &bound);
}

MemoryBound::~MemoryBound() {
  ::setrlimit(RLIMIT_DATA, &before_);
}

UsageMeter& process_usage() noexcept {
  static ProcessUsage usage;
  return usage;
}

}  // namespace muster
