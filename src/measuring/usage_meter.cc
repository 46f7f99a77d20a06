// SPDX-License-Identifier: Apache-2.0
#include "measuring/usage_meter.h"

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <unistd.h>

#include "base/memory/process_memory.h"

namespace muster {
namespace {

struct CloseFile {
  void operator()(std::FILE* file) const noexcept { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

File open_file(const char* path) noexcept {
  return File(std::fopen(path, "re"));
}

std::uint64_t number_behind(std::FILE* file, std::string_view key) noexcept {
  char line[256];
  while (file != nullptr && std::fgets(line, sizeof(line), file) != nullptr) {
    if (std::string_view(line).starts_with(key))
      return std::strtoull(line + key.size(), nullptr, 10);
  }
  return 0;
}

// What RLIMIT_DATA is held against: private memory that can be written to. 0: not known.
std::uint64_t data_bytes() noexcept {
  return number_behind(open_file("/proc/self/status").get(), "VmData:") * 1024;
}

class ProcessUsage final : public UsageMeter {
 public:
  // `folder`: of the process in /proc.
  ProcessUsage(clockid_t clock, const std::string& folder)
      : clock_(clock),
        tasks_(folder + "/task"),
        schedstat_(folder + "/schedstat"),
        statm_(folder + "/statm") {}

  std::chrono::nanoseconds cpu_time() noexcept override {
    timespec time{};
    if (::clock_gettime(clock_, &time) != 0) return std::chrono::nanoseconds(0);
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
  }

  std::uint64_t context_switches() override {
    std::uint64_t sum = 0;
    std::error_code gone;  // a thread may have ended meanwhile, or the process
    for (std::filesystem::directory_iterator task(tasks_, gone), end; task != end;
         task.increment(gone)) {
      const File status = open_file((task->path() / "status").c_str());
      // In the order in which the kernel writes them.
      sum += number_behind(status.get(), "voluntary_ctxt_switches:");
      sum += number_behind(status.get(), "nonvoluntary_ctxt_switches:");
    }
    return sum;
  }

  std::chrono::nanoseconds processor_wait() noexcept override {
    const File file = open_file(schedstat_.c_str());
    std::uint64_t ran = 0;
    std::uint64_t waited = 0;
    if (!file || std::fscanf(file.get(), "%" SCNu64 " %" SCNu64, &ran, &waited) != 2) return {};
    return std::chrono::nanoseconds(waited);
  }

  std::uint64_t resident_bytes() noexcept override {
    const File file = open_file(statm_.c_str());
    std::uint64_t all = 0;
    std::uint64_t resident = 0;
    if (!file || std::fscanf(file.get(), "%" SCNu64 " %" SCNu64, &all, &resident) != 2) return 0;
    return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  }

  std::uint64_t available_bytes() noexcept override { return process_memory().available_bytes(); }

 private:
  const clockid_t clock_;
  // Named beforehand: memory may be short when they are read.
  const std::string tasks_;
  const std::string schedstat_;
  const std::string statm_;
};

}  // namespace

MemoryBound::MemoryBound(std::uint64_t more_bytes) noexcept {
  ::getrlimit(RLIMIT_DATA, &before_);
  const std::uint64_t data = data_bytes();
  rlimit bound = before_;
  if (data == 0 || __builtin_add_overflow(data, more_bytes, &bound.rlim_cur)) return;
  bound.rlim_cur = std::min(bound.rlim_cur, before_.rlim_cur);
  ::setrlimit(RLIMIT_DATA, &bound);
}

MemoryBound::~MemoryBound() {
  ::setrlimit(RLIMIT_DATA, &before_);
}

UsageMeter& process_usage() noexcept {
  static ProcessUsage usage(CLOCK_PROCESS_CPUTIME_ID, "/proc/self");
  return usage;
}

Result<std::unique_ptr<UsageMeter>> usage_of(pid_t pid) {
  clockid_t clock{};
  // Linux has none above this, and larger numbers name other clocks.
  constexpr pid_t kLargestPid = pid_t{1} << 22;
  if (pid <= 0 || pid > kLargestPid || ::clock_getcpuclockid(pid, &clock) != 0)
    return not_found("there is no process " + std::to_string(pid));
  return std::make_unique<ProcessUsage>(clock, "/proc/" + std::to_string(pid));
}

}  // namespace muster
