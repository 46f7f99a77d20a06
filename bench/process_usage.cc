// SPDX-License-Identifier: Apache-2.0
#include "bench/process_usage.h"

#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
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

// The number behind "key:" in a file of /proc, 0 where it is not there (any more).
double number_in(const std::filesystem::path& path, const std::string& key) {
  std::ifstream file(path);
  std::string line;
  while (std::getline(file, line)) {
    if (line.starts_with(key)) return std::strtod(line.c_str() + key.size(), nullptr);
  }
  return 0;
}

double switches_of(pid_t pid) {
  double sum = 0;
  std::error_code gone;
  const std::filesystem::path tasks = "/proc/" + std::to_string(pid) + "/task";
  for (const auto& task : std::filesystem::directory_iterator(tasks, gone)) {
    const std::filesystem::path status = task.path() / "status";
    sum += number_in(status, "voluntary_ctxt_switches:") +
           number_in(status, "nonvoluntary_ctxt_switches:");
  }
  return sum;
}

// The kernel's own count in nanoseconds; /proc/PID/stat has hundredths of a second.
double cpu_us_of(pid_t pid) {
  clockid_t clock{};
  timespec time{};
  if (::clock_getcpuclockid(pid, &clock) != 0 || ::clock_gettime(clock, &time) != 0)
    throw std::runtime_error("process " + std::to_string(pid) + " cannot be looked at");
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
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

UsageOf::UsageOf(pid_t pid) : pid_(pid), start_(read()) {}

UsageOf::Reading UsageOf::read() const {
  if (pid_ == 0) return {WallClock::now()};
  return {WallClock::now(), cpu_us_of(pid_), switches_of(pid_)};
}

void UsageOf::put_into(Figures& figures, double items) const {
  const Reading end = read();
  const double seconds = std::chrono::duration<double>(end.time - start_.time).count();
  figures["items_per_s"] = items / seconds;
  if (pid_ == 0 || items == 0) return;
  figures["cpu_us_per_item"] = (end.cpu_us - start_.cpu_us) / items;
  figures["switches_per_item"] = (end.switches - start_.switches) / items;
}

double UsageOf::cpu_us() const {
  return pid_ == 0 ? 0 : cpu_us_of(pid_) - start_.cpu_us;
}

double resident_mib(pid_t pid) {
  return number_in("/proc/" + std::to_string(pid) + "/status", "VmRSS:") / 1024;
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
