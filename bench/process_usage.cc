// SPDX-License-Identifier: Apache-2.0
#include "bench/process_usage.h"

#include <algorithm>
#include <filesystem>
#include <stdexcept>
#include <string>

#include "measuring/usage_meter.h"

namespace muster::bench {
namespace {

cpu_set_t own_cores() {
  cpu_set_t cores;
  if (::sched_getaffinity(0, sizeof(cores), &cores) != 0) {
    throw std::runtime_error("the cores that this process may use cannot be read");
  }
  return cores;
}

void confine_all_threads(const cpu_set_t& cores) {
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    // A thread may have ended meanwhile.
    ::sched_setaffinity(std::stoi(task.path().filename()), sizeof(cores), &cores);
  }
}

}  // namespace

Usage::Usage()
    : switches_(process_usage().context_switches()),
      cpu_(process_usage().cpu_time()),
      start_(WallClock::now()) {}

void Usage::put_into(Figures& figures, double items) const {
  if (items <= 0) return;
  const std::chrono::duration<double> elapsed = since(start_);
  const std::chrono::duration<double, std::micro> cpu = process_usage().cpu_time() - cpu_;
  const std::uint64_t switches = process_usage().context_switches();
  figures["items_per_s"] = items / elapsed.count();
  figures["cpu_us_per_item"] = cpu.count() / items;
  // Those of threads that ended meanwhile are gone.
  figures["switches_per_item"] =
      static_cast<double>(switches - std::min(switches_, switches)) / items;
}

double resident_mib(pid_t pid) {
  const auto usage = usage_of(pid);
  if (!usage.ok()) throw std::runtime_error(usage.status().to_string());
  return static_cast<double>((*usage)->resident_bytes()) / (1 << 20);
}

std::vector<int> usable_cores() {
  const cpu_set_t cores = own_cores();
  std::vector<int> numbers;
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    if (CPU_ISSET(static_cast<std::size_t>(core), &cores)) numbers.push_back(core);
  }
  return numbers;
}

Confined::Confined(int count) : before_(own_cores()) {
  const std::vector<int> cores = usable_cores();
  if (count <= 0 || static_cast<std::size_t>(count) >= cores.size()) return;
  cpu_set_t chosen;
  CPU_ZERO(&chosen);
  for (auto core = cores.end() - count; core != cores.end(); ++core) {
    CPU_SET(static_cast<std::size_t>(*core), &chosen);
  }
  confine_all_threads(chosen);
  changed_ = true;
}

Confined::~Confined() {
  if (changed_) confine_all_threads(before_);
}

}  // namespace muster::bench
