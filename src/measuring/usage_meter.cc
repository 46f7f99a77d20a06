// SPDX-License-Identifier: Apache-2.0
#include "measuring/usage_meter.h"

#include <cinttypes>
#include <cstdio>
#include <ctime>
#include <limits>
#include <memory>

#include <unistd.h>

namespace muster {
namespace {

struct CloseFile {
  void operator()(std::FILE* file) const noexcept { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

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
    const File file(std::fopen("/proc/meminfo", "re"));
    char line[256];
    while (file && std::fgets(line, sizeof(line), file.get()) != nullptr) {
      std::uint64_t kibibytes = 0;
      if (std::sscanf(line, "MemAvailable: %" SCNu64, &kibibytes) == 1) return kibibytes * 1024;
    }
    return std::numeric_limits<std::uint64_t>::max();
  }
};

}  // namespace

UsageMeter& process_usage() noexcept {
  static ProcessUsage usage;
  return usage;
}

}  // namespace muster
