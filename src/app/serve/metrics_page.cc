// SPDX-License-Identifier: Apache-2.0
#include "app/serve/metrics_page.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <prometheus/text_serializer.h>

#include "app/serve/gpu_families.h"
#include "app/serve/metric_families.h"
#include "app/serve/version_families.h"

namespace muster {
namespace {

using prometheus::MetricFamily;

void add_transports(std::vector<MetricFamily>& page, const FrontendMetrics& frontend) {
  const std::pair<const char*, const TransportMetrics*> transports[] = {{"http", &frontend.http},
                                                                        {"grpc", &frontend.grpc}};
  const auto add = [&](MetricFamily family, auto value_of) {
    for (const auto& [name, metrics] : transports)
      add_value(family, {{"transport", name}}, value_of(*metrics));
    page.push_back(std::move(family));
  };
  // What ended is read first, so that a difference is never negative.
  const auto difference = [](const Counter& ended, const Counter& begun) {
    const std::uint64_t gone = ended.value();
    return std::max(begun.value(), gone) - gone;
  };
  using T = const TransportMetrics&;
  add(counter_family("muster_frontend_connections_total", "Connections that were accepted"),
      [](T t) { return t.connections_accepted.value(); });
  add(counter_family("muster_frontend_connections_refused_total",
                     "Connections over the limit of their listener"),
      [](T t) { return t.connections_refused.value(); });
  add(gauge_family("muster_frontend_connections_open", "Connections"),
      [&](T t) { return difference(t.connections_closed, t.connections_accepted); });
  add(counter_family("muster_frontend_requests_total", "Calls of every kind"),
      [](T t) { return t.requests.value(); });
  add(gauge_family("muster_frontend_requests_in_flight", "Calls that are not answered yet"),
      [&](T t) { return difference(t.requests_answered, t.requests); });
  add(counter_family("muster_frontend_disconnects_total",
                     "Calls whose client went before the answer"),
      [](T t) { return t.disconnects.value(); });
  add(counter_family("muster_frontend_received_bytes_total", "Bodies of calls, as they came"),
      [](T t) { return t.received_bytes.value(); });
  add(counter_family("muster_frontend_sent_bytes_total", "Bodies of replies, as they went"),
      [](T t) { return t.sent_bytes.value(); });
  add(counter_family("muster_frontend_refusal_pauses_total",
                     "Pauses of transport threads while a full queue refused requests"),
      [](T t) { return t.refusal_pauses.value(); });
  MetricFamily errors = counter_family("muster_frontend_errors_total",
                                       "Calls that were answered with an error, by whose it is");
  for (const auto& [name, metrics] : transports) {
    add_value(errors, {{"transport", name}, {"side", "client"}}, metrics->client_errors.value());
    add_value(errors, {{"transport", name}, {"side", "server"}}, metrics->server_errors.value());
  }
  page.push_back(std::move(errors));
}

void add_process(std::vector<MetricFamily>& page, const ProcessCounts& process) {
  const auto add = [&](MetricFamily family, auto value) {
    add_value(family, {}, value);
    page.push_back(std::move(family));
  };
  add(counter_family("process_cpu_seconds_total", "CPU time, user and system"),
      process.cpu_seconds);
  add(gauge_family("process_resident_memory_bytes", "Resident memory"), process.resident_bytes);
  add(gauge_family("process_virtual_memory_bytes", "Virtual memory"), process.virtual_bytes);
  add(gauge_family("process_open_fds", "Open file descriptors"), process.open_files);
  add(gauge_family("process_max_fds", "File descriptors that may be open"), process.max_files);
  add(gauge_family("process_threads", "Threads"), process.threads);
  add(gauge_family("process_start_time_seconds", "When the process began, since 1970"),
      process.start_seconds);
}

void add_machine(std::vector<MetricFamily>& page, const MachineCounts& machine, double cpu_use) {
  const auto add = [&](MetricFamily family, auto value) {
    add_value(family, {}, value);
    page.push_back(std::move(family));
  };
  add(gauge_family("nv_cpu_utilization", "Part of all CPUs that was busy since the last look"),
      cpu_use);
  add(gauge_family("nv_cpu_memory_total_bytes", "Memory of the machine"), machine.memory_bytes);
  add(gauge_family("nv_cpu_memory_used_bytes", "Memory of the machine that is in use"),
      machine.memory_used_bytes);
}

}  // namespace

std::string MetricsPage::text() {
  std::vector<MetricFamily> page;
  MetricFamily build = gauge_family("muster_build_info", "1, with the program's version");
  add_value(build, {{"version", sources_.version}}, 1.0);
  page.push_back(std::move(build));
  MetricFamily ready = gauge_family("muster_ready", "Whether requests can be answered");
  add_value(ready, {}, sources_.ready() ? 1.0 : 0.0);
  page.push_back(std::move(ready));

  VersionFamilies versions;
  TritonFamilies triton;
  sources_.visit_versions([&](const VersionMetricsView& version) {
    versions.add(version);
    triton.add(version);
  });
  versions.move_into(page);
  add_transports(page, sources_.frontend);
  add_process(page, read_process_counts());
  const std::vector<GpuSample> gpus = sources_.gpus();
  add_gpus(page, gpus);
  triton.move_into(page);
  const MachineCounts machine = read_machine_counts();
  add_machine(page, machine, cpu_use(machine));
  add_triton_gpus(page, gpus);
  return prometheus::TextSerializer().Serialize(page);
}

double MetricsPage::cpu_use(const MachineCounts& now) {
  const MutexLock lock(mutex_);
  const MachineCounts before = std::exchange(last_, now);
  if (now.all_ticks <= before.all_ticks || now.busy_ticks < before.busy_ticks) return 0;
  return static_cast<double>(now.busy_ticks - before.busy_ticks) /
         static_cast<double>(now.all_ticks - before.all_ticks);
}

}  // namespace muster
