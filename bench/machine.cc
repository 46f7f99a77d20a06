// SPDX-License-Identifier: Apache-2.0
#include "bench/machine.h"

#include <array>
#include <cstdlib>
#include <ctime>

#include <sys/utsname.h>

#include "base/cpu_budget.h"
#include "bench/process_usage.h"

namespace muster::bench {

Machine this_machine() {
  utsname names{};
  ::uname(&names);
  return {processor_name(), static_cast<int>(usable_cores().size()),
          std::string(names.sysname) + " " + names.release};
}

double load_average() {
  double load = 0;
  return ::getloadavg(&load, 1) == 1 ? load : -1;
}

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text.data();
}

}  // namespace muster::bench
