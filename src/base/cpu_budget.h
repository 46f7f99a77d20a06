// SPDX-License-Identifier: Apache-2.0
// How many CPUs this process may really use: its affinity mask, cut by its cgroup's quota.
#pragma once

#include <string>

namespace muster {

// At least 1. The quota is read from cgroup v2 (`cpu.max`, this group and those above it) or v1
// (`cpu.cfs_quota_us`); a quota of 1.5 CPUs counts as 2.
[[nodiscard]] int available_cpus();

// The same from a cgroup file system that a test made. `membership` is the text of
// /proc/self/cgroup. 0 = no quota.
[[nodiscard]] int cgroup_cpu_quota(const std::string& cgroup_root, const std::string& membership);

}  // namespace muster
