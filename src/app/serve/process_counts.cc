// SPDX-License-Identifier: Apache-2.0
#include "app/serve/process_counts.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>
#include <system_error>

#include <sys/resource.h>
#include <unistd.h>

namespace muster {
namespace {

// The number behind `name` at the beginning of a line, 0 where there is none.
std::uint64_t number_behind(const std::string& file, std::string_view name) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with(name)) continue;
    std::istringstream rest(line.substr(name.size()));
    std::uint64_t number = 0;
    rest >> number;
    return number;
  }
  return 0;
}

std::uint64_t count_open_files(const std::string& folder) {
  std::error_code error;
  std::uint64_t count = 0;
  for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error))
    ++count;
  // The folder itself is open while it is read.
  return count > 0 ? count - 1 : 0;
}

}  // namespace

ProcessCounts read_process_counts(const std::string& proc) {
  ProcessCounts counts;
  std::ifstream in(proc + "/self/stat");
  std::string line;
  std::getline(in, line);
  // The second field is the program's name in brackets, which may have any character in it.
  const std::size_t name_end = line.rfind(')');
  if (name_end == std::string::npos) return counts;
  std::istringstream fields(line.substr(name_end + 1));
  std::array<std::string, 22> field;  // field[i] is what proc(5) numbers i + 3
  for (std::string& text : field)
    fields >> text;
  const auto number = [&](std::size_t documented) {
    std::uint64_t value = 0;
    std::istringstream(field[documented - 3]) >> value;
    return value;
  };
  const double ticks = static_cast<double>(std::max(1L, ::sysconf(_SC_CLK_TCK)));
  const auto boot = static_cast<double>(number_behind(proc + "/stat", "btime "));
  counts.cpu_seconds = static_cast<double>(number(14) + number(15)) / ticks;
  counts.threads = number(20);
  counts.start_seconds = boot + static_cast<double>(number(22)) / ticks;
  counts.virtual_bytes = number(23);
  counts.resident_bytes = number(24) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  counts.open_files = count_open_files(proc + "/self/fd");
  rlimit files = {};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0) counts.max_files = files.rlim_cur;
  return counts;
}

MachineCounts read_machine_counts(const std::string& proc) {
  MachineCounts counts;
  std::ifstream in(proc + "/stat");
  std::string cpu;
  std::array<std::uint64_t, 8> ticks{};  // user nice system idle iowait irq softirq steal
  in >> cpu;
  for (std::uint64_t& value : ticks)
    in >> value;
  for (const std::uint64_t value : ticks)
    counts.all_ticks += value;
  counts.busy_ticks = counts.all_ticks - ticks[3] - ticks[4];
  const std::string meminfo = proc + "/meminfo";
  counts.memory_bytes = number_behind(meminfo, "MemTotal:") * 1024;
  const std::uint64_t available = number_behind(meminfo, "MemAvailable:") * 1024;
  counts.memory_used_bytes = counts.memory_bytes - std::min(available, counts.memory_bytes);
  return counts;
}

}  // namespace muster
