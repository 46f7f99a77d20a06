// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <sys/resource.h>
#include <sys/statvfs.h>

#include "app/doctor/gather_facts.h"
#include "base/cpu_budget.h"
#include "measuring/usage_meter.h"
#include "serving/backend_library.h"

namespace muster {

MachineFacts look_at_machine() {
  MachineFacts machine;
  const CpuLimits limits = cpu_limits();
  machine.cpu_budget = cpu_budget(limits).cpus;
  machine.thread_budget = machine.cpu_budget;
  machine.cpus = std::max(machine.cpu_budget, limits.affinity);
  machine.available_memory = process_usage().available_bytes();
  struct statvfs shared = {};
  if (::statvfs("/dev/shm", &shared) == 0)
    machine.free_shared_memory = std::uint64_t{shared.f_bavail} * shared.f_frsize;
  rlimit files = {};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
    machine.open_files = files.rlim_cur;
    machine.most_open_files = files.rlim_max;
  }
  machine.backends = installed_backends();
  return machine;
}

ServerFacts look_at_settings(const ServeSettings& settings, const std::string& settings_file) {
  ServerFacts server;
  server.max_connections = settings.limits.max_connections;
  const std::uint64_t sockets = settings.unix_socket.empty() ? 1 : 2;
  server.listeners =
      (settings.http ? sockets : 0) + (settings.grpc ? sockets : 0) + (settings.metrics ? 1 : 0);
  server.shared_memory = settings.shared_memory;
  server.max_connections_place = settings_file;
  return server;
}

}  // namespace muster
