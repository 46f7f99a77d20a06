// SPDX-License-Identifier: Apache-2.0
// CpuBudget: how many CPUs this process may really use, and which limit says so: the machine, its
// affinity mask, its cpuset or its cgroup's quota.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace muster {

// Processor time that a cgroup grants all its threads together: `quota` in each `period`.
struct CpuQuota {
  std::int64_t quota_us = 0;  // both above 0
  std::int64_t period_us = 0;
  std::string file;  // that says so
  [[nodiscard]] double cpus() const;
  [[nodiscard]] int whole_cpus() const;  // 1.5 counts as 2; at most 65536
};

// What the system says, as it is.
struct CpuLimits {
  int online = 1;                 // CPUs that the machine runs
  int affinity = 1;               // of those, the ones that this process may run on
  std::string affinity_list;      // "0-3,8"
  std::string cpuset_list;        // those of the nearest cgroup that names any; "" = none does
  std::optional<CpuQuota> quota;  // the tightest of this cgroup and those above it
};

enum class CpuLimit : std::uint8_t { kMachine, kAffinity, kCpuset, kQuota };

struct CpuBudget {
  int cpus = 1;  // at least 1
  CpuLimit decided_by = CpuLimit::kMachine;
};

// Pure. The kernel has cut the affinity mask by the cpuset already: where both are the same and
// smaller than the machine, the cpuset is named.
[[nodiscard]] CpuBudget cpu_budget(const CpuLimits& limits);

// Of this process, now. Any thread; of a thread with an affinity mask of its own, by that one.
[[nodiscard]] CpuLimits cpu_limits();
// cpu_budget(cpu_limits()).cpus.
[[nodiscard]] int available_cpus();

// The same from a cgroup file system that a test made, v1 or v2. `membership` is the text of
// /proc/self/cgroup.
[[nodiscard]] std::optional<CpuQuota> cgroup_cpu_quota(const std::string& cgroup_root,
                                                       const std::string& membership);
[[nodiscard]] std::string cgroup_cpuset(const std::string& cgroup_root,
                                        const std::string& membership);

// CPUs that a list as the kernel writes it names: 5 for "0-3,8". 0 where it is none.
[[nodiscard]] int cpus_in_list(std::string_view list);

// The processor's name: "AMD EPYC 9654 96-Core Processor"; the machine's kind where the system
// tells no name: "aarch64".
[[nodiscard]] std::string processor_name();

}  // namespace muster
