// SPDX-License-Identifier: Apache-2.0
#include "base/cpu_budget.h"

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <string_view>

#include <sched.h>

#include "base/text.h"

namespace muster {
namespace {

std::optional<std::string> read_file(const std::string& path) {
  std::ifstream file(path);
  if (!file) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(file), {});
}

int whole_cpus(std::int64_t quota, std::int64_t period) {
  if (quota <= 0 || period <= 0) return 0;
  const std::int64_t cpus = quota / period + (quota % period > 0 ? 1 : 0);
  return static_cast<int>(std::min<std::int64_t>(cpus, 1 << 16));
}

// "150000 100000" or "max 100000"
int parse_cpu_max(const std::string& text) {
  std::istringstream words(text);
  std::string quota;
  std::string period;
  words >> quota >> period;
  return whole_cpus(parse_int(quota).value_or(0), parse_int(period).value_or(0));
}

int parse_v1(const std::string& folder) {
  const auto number = [&](const char* name) -> std::int64_t {
    std::istringstream words(read_file(folder + name).value_or(""));
    std::string word;
    words >> word;
    return parse_int(word).value_or(0);
  };
  return whole_cpus(number("/cpu.cfs_quota_us"), number("/cpu.cfs_period_us"));
}

// "cpu,cpuacct" has it, "cpuset" has not.
bool has_cpu_controller(std::string_view controllers) {
  while (true) {
    const auto comma = controllers.find(',');
    if (controllers.substr(0, comma) == "cpu") return true;
    if (comma == std::string_view::npos) return false;
    controllers.remove_prefix(comma + 1);
  }
}

void tighten(int& least, int quota) {
  if (quota > 0) least = least == 0 ? quota : std::min(least, quota);
}

}  // namespace

int cgroup_cpu_quota(const std::string& cgroup_root, const std::string& membership) {
  int least = 0;
  std::istringstream lines(membership);
  for (std::string line; std::getline(lines, line);) {
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string_view controllers(line.data() + first + 1, second - first - 1);
    std::string group = line.substr(second + 1);
    const bool v2 = controllers.empty();
    if (!v2 && !has_cpu_controller(controllers)) continue;
    const std::string root = v2 ? cgroup_root : cgroup_root + "/cpu";
    // A limit anywhere above binds too. Inside a container the path may lead outside of what is
    // mounted; the mount's own root is the container's group then.
    while (true) {
      if (v2) {
        if (const auto text = read_file(root + group + "/cpu.max"))
          tighten(least, parse_cpu_max(*text));
      } else {
        tighten(least, parse_v1(root + group));
      }
      const auto slash = group.rfind('/');
      if (group.empty() || slash == std::string::npos) break;
      group.resize(slash);
    }
  }
  return least;
}

int available_cpus() {
  int cpus = 1;
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) == 0) cpus = std::max(1, CPU_COUNT(&set));
  const int quota = cgroup_cpu_quota("/sys/fs/cgroup", read_file("/proc/self/cgroup").value_or(""));
  return quota > 0 ? std::min(cpus, quota) : cpus;
}

}  // namespace muster
