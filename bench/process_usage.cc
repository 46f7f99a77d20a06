// SPDX-License-Identifier: Apache-2.0
#include "bench/process_usage.h"

#include <filesystem>
#include <stdexcept>
#include <string>

#include <sys/resource.h>

namespace muster::bench {
namespace {

double microseconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_usec);
}

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

Usage::Usage() : start_(read()) {}

Usage::Reading Usage::read() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return {WallClock::now(), microseconds(usage.ru_utime) + microseconds(usage.ru_stime),
          static_cast<double>(usage.ru_nvcsw)};
}

void Usage::put_into(Figures& figures, double items) const {
  if (items <= 0) return;
  const Reading end = read();
  figures["items_per_s"] = items / std::chrono::duration<double>(end.time - start_.time).count();
  figures["cpu_us_per_item"] = (end.cpu_us - start_.cpu_us) / items;
  figures["switches_per_item"] = (end.switches - start_.switches) / items;
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
