// SPDX-License-Identifier: Apache-2.0
#include "base/cpu_budget.h"

#include <algorithm>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <sstream>

#include <sched.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/text.h"

namespace muster {
namespace {

constexpr const char* kCgroupRoot = "/sys/fs/cgroup";
constexpr std::int64_t kMostCpus = 1 << 16;

std::optional<std::string> read_file(const std::string& path) {
  std::ifstream file(path);
  if (!file) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(file), {});
}

// "" where the file is not there, or empty.
std::string first_word(const std::string& path) {
  std::istringstream words(read_file(path).value_or(""));
  std::string word;
  words >> word;
  return word;
}

std::optional<CpuQuota> quota_of(std::string_view quota, std::string_view period,
                                 std::string file) {
  CpuQuota parsed{parse_int(quota).value_or(0), parse_int(period).value_or(0), std::move(file)};
  if (parsed.quota_us <= 0 || parsed.period_us <= 0) return std::nullopt;
  return parsed;
}

// "150000 100000" or "max 100000"
std::optional<CpuQuota> quota_v2(const std::string& group) {
  const std::string file = group + "/cpu.max";
  std::istringstream words(read_file(file).value_or(""));
  std::string quota;
  std::string period;
  words >> quota >> period;
  return quota_of(quota, period, file);
}

std::optional<CpuQuota> quota_v1(const std::string& group) {
  const std::string file = group + "/cpu.cfs_quota_us";
  return quota_of(first_word(file), first_word(group + "/cpu.cfs_period_us"), file);
}

// "cpu,cpuacct" has cpu, and not cpuset.
bool has_controller(std::string_view controllers, std::string_view wanted) {
  while (true) {
    const auto comma = controllers.find(',');
    if (controllers.substr(0, comma) == wanted) return true;
    if (comma == std::string_view::npos) return false;
    controllers.remove_prefix(comma + 1);
  }
}

// Calls `look` with the folder of each group that this process is in and that has the controller,
// from the innermost up: a limit anywhere above binds too. Inside a container the path may lead
// outside of what is mounted; the mount's own root is the container's group then.
void for_each_group(const std::string& cgroup_root, const std::string& membership,
                    std::string_view controller,
                    const std::function<void(const std::string& folder, bool v2)>& look) {
  std::istringstream lines(membership);
  for (std::string line; std::getline(lines, line);) {
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string_view controllers(line.data() + first + 1, second - first - 1);
    std::string group = line.substr(second + 1);
    const bool v2 = controllers.empty();
    if (!v2 && !has_controller(controllers, controller)) continue;
    const std::string root = v2 ? cgroup_root : cgroup_root + "/" + std::string(controller);
    while (true) {
      look(root + group, v2);
      const auto slash = group.rfind('/');
      if (group.empty() || slash == std::string::npos) break;
      group.resize(slash);
    }
  }
}

// "0-3,8" of a mask.
std::string list_of(const cpu_set_t* set, std::size_t bytes) {
  std::string list;
  const int end = static_cast<int>(bytes * 8);
  for (int cpu = 0; cpu < end; ++cpu) {
    if (CPU_ISSET_S(static_cast<unsigned>(cpu), bytes, set) == 0) continue;
    int last = cpu;
    while (last + 1 < end && CPU_ISSET_S(static_cast<unsigned>(last + 1), bytes, set) != 0)
      ++last;
    list += (list.empty() ? "" : ",") + std::to_string(cpu);
    if (last > cpu) list += "-" + std::to_string(last);
    cpu = last;
  }
  return list;
}

void read_affinity(CpuLimits& limits) {
  // The kernel refuses a mask that is too small for the machine.
  for (int cpus = CPU_SETSIZE; cpus <= kMostCpus; cpus *= 4) {
    const std::size_t bytes = CPU_ALLOC_SIZE(static_cast<unsigned>(cpus));
    const auto release = [](cpu_set_t* set) { CPU_FREE(set); };
    const std::unique_ptr<cpu_set_t, decltype(release)> set(CPU_ALLOC(static_cast<unsigned>(cpus)),
                                                            release);
    if (!set) return;
    CPU_ZERO_S(bytes, set.get());
    if (sched_getaffinity(0, bytes, set.get()) != 0) continue;
    limits.affinity = std::max(1, CPU_COUNT_S(bytes, set.get()));
    limits.affinity_list = list_of(set.get(), bytes);
    return;
  }
}

}  // namespace

double CpuQuota::cpus() const {
  return static_cast<double>(quota_us) / static_cast<double>(period_us);
}

int CpuQuota::whole_cpus() const {
  const std::int64_t cpus = quota_us / period_us + (quota_us % period_us > 0 ? 1 : 0);
  return static_cast<int>(std::min(cpus, kMostCpus));
}

std::optional<CpuQuota> cgroup_cpu_quota(const std::string& cgroup_root,
                                         const std::string& membership) {
  std::optional<CpuQuota> least;
  for_each_group(cgroup_root, membership, "cpu", [&](const std::string& folder, bool v2) {
    std::optional<CpuQuota> found = v2 ? quota_v2(folder) : quota_v1(folder);
    if (found && (!least || found->cpus() < least->cpus())) least = std::move(found);
  });
  return least;
}

std::string cgroup_cpuset(const std::string& cgroup_root, const std::string& membership) {
  std::string nearest_list;
  for_each_group(cgroup_root, membership, "cpuset", [&](const std::string& folder, bool v2) {
    if (!nearest_list.empty()) return;
    nearest_list = first_word(folder + (v2 ? "/cpuset.cpus.effective" : "/cpuset.effective_cpus"));
    if (nearest_list.empty() && !v2) nearest_list = first_word(folder + "/cpuset.cpus");
  });
  return nearest_list;
}

int cpus_in_list(std::string_view list) {
  std::int64_t cpus = 0;
  while (true) {
    const std::size_t comma = std::min(list.find(','), list.size());
    const std::string_view part = list.substr(0, comma);
    const std::size_t dash = std::min(part.find('-'), part.size());
    const auto first = parse_int(part.substr(0, dash));
    const auto last = dash == part.size() ? first : parse_int(part.substr(dash + 1));
    if (!first || !last || *first < 0 || *last < *first || *last >= kMostCpus) return 0;
    cpus += *last - *first + 1;
    if (cpus > kMostCpus) return 0;
    if (comma == list.size()) return static_cast<int>(cpus);
    list.remove_prefix(comma + 1);
  }
}

CpuBudget cpu_budget(const CpuLimits& limits) {
  CpuBudget budget{std::max(1, limits.affinity), CpuLimit::kMachine};
  if (budget.cpus < limits.online) {
    const bool by_cpuset = cpus_in_list(limits.cpuset_list) == budget.cpus;
    budget.decided_by = by_cpuset ? CpuLimit::kCpuset : CpuLimit::kAffinity;
  }
  if (limits.quota && limits.quota->whole_cpus() < budget.cpus) {
    budget = {limits.quota->whole_cpus(), CpuLimit::kQuota};
  }
  return budget;
}

CpuLimits cpu_limits() {
  CpuLimits limits;
  read_affinity(limits);
  limits.online = std::max(limits.affinity, static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN)));
  const std::string membership = read_file("/proc/self/cgroup").value_or("");
  limits.cpuset_list = cgroup_cpuset(kCgroupRoot, membership);
  limits.quota = cgroup_cpu_quota(kCgroupRoot, membership);
  return limits;
}

int available_cpus() {
  return cpu_budget(cpu_limits()).cpus;
}

std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const std::size_t value = line.find(": ");
    if (line.starts_with("model name") && value != std::string::npos) return line.substr(value + 2);
  }
  utsname names{};
  ::uname(&names);
  return names.machine;
}

}  // namespace muster
