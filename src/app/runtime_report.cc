// SPDX-License-Identifier: Apache-2.0
#include "app/runtime_report.h"

#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "app/result_writer.h"
#include "base/text.h"
#include "serving/backend_library.h"

namespace muster {
namespace {

constexpr std::size_t kMostPathBytes = 4096;

BackendReport examine_backend(const std::string& name, int budget) {
  BackendReport report{name, backend_file(name)};
  const auto backend = open_backend(name, {budget});
  if (!backend.ok()) {
    report.fault = std::string(backend.status().message());
    return report;
  }
  report.version = (*backend)->version();
  report.library = (*backend)->library();
  report.devices = (*backend)->devices();
  return report;
}

std::string_view name_of(CpuLimit limit) {
  switch (limit) {
    case CpuLimit::kAffinity:
      return "affinity";
    case CpuLimit::kCpuset:
      return "cpuset";
    case CpuLimit::kQuota:
      return "quota";
    default:
      return "machine";
  }
}

class Table {
 public:
  void section(std::string_view title) { text_ += fmt::format("{}\n", title); }
  void line(std::string_view name, std::string_view value) {
    text_ += fmt::format("  {:<13} {}\n", name, printable(value, kMostPathBytes));
  }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

void add_machine(Table& table, const RuntimeReport& report) {
  const CpuLimits& limits = report.limits;
  table.section("machine");
  table.line("processor", report.processor);
  table.line("CPUs", fmt::format("{}; this process may run on {}: {}", limits.online,
                                 limits.affinity, limits.affinity_list));
  table.line("cpuset", limits.cpuset_list.empty() ? "none" : limits.cpuset_list);
  table.line("quota", limits.quota ? fmt::format("{:g} CPUs, by {}", limits.quota->cpus(),
                                                 limits.quota->file)
                                   : "none");
  table.line("thread budget", fmt::format("{}: {}", report.budget, reason_of_budget(report)));
}

void add_threads(Table& table, const RuntimeReport& report) {
  const ThreadShare alone = share_threads(report.budget, 1, std::nullopt);
  const int pool = pool_threads(report.budget);
  table.section("threads of muster serve");
  table.line("models",
             fmt::format("one for each instance that runs, and a pool of {} for all models "
                         "of a backend",
                         pool));
  table.line("a run", fmt::format("up to {}, the thread budget divided by the model's instances",
                                  alone.per_run));
  table.line("HTTP", std::to_string(report.server.http));
  table.line("gRPC", std::to_string(report.server.grpc));
  table.line("pictures", std::to_string(report.server.pictures));
  table.line("loading",
             fmt::format("{}, at low priority beside models that serve", report.server.loaders));
  table.line("spinning", "off: a thread without work sleeps");
}

void add_gpus(Table& table, const GpuInventory& inventory) {
  table.section("GPUs");
  if (!inventory.fault.empty()) {
    table.line("none", inventory.fault);
    return;
  }
  table.line("driver", inventory.driver.empty() ? "unknown" : inventory.driver);
  table.line("CUDA", inventory.cuda.empty() ? "unknown" : "up to " + inventory.cuda);
  for (const GpuInventory::Gpu& gpu : inventory.gpus) {
    constexpr double kGib = 1 << 30;
    const std::string memory =
        gpu.memory_bytes ? fmt::format("{:.1f} GiB", static_cast<double>(*gpu.memory_bytes) / kGib)
                         : std::string("memory unknown");
    table.line(fmt::format("GPU {}", gpu.identity.index),
               fmt::format("{}, {}, {}{}", gpu.identity.name, memory, gpu.identity.uuid,
                           gpu.visible ? "" : ", hidden by CUDA_VISIBLE_DEVICES"));
  }
}

void add_backend(Table& table, const BackendReport& backend) {
  table.section("backend " + printable(backend.name));
  table.line("file", backend.file);
  if (!backend.fault.empty()) {
    table.line("fault", backend.fault);
    return;
  }
  table.line("runtime", backend.version);
  if (!backend.library.empty()) table.line("library", backend.library);
  for (std::size_t i = 0; i < backend.devices.size(); ++i)
    table.line(i == 0 ? "devices" : "", backend.devices[i]);
}

std::string json_of(const GpuInventory& inventory) {
  std::string devices;
  for (const GpuInventory::Gpu& gpu : inventory.gpus) {
    devices +=
        fmt::format(R"({}{{"index":{},"uuid":{},"name":{},"memory_bytes":{},"visible":{}}})",
                    devices.empty() ? "" : ",", gpu.identity.index, json_string(gpu.identity.uuid),
                    json_string(gpu.identity.name),
                    gpu.memory_bytes ? std::to_string(*gpu.memory_bytes) : "null", gpu.visible);
  }
  return fmt::format(R"({{"driver":{},"cuda":{},"devices":[{}],"fault":{}}})",
                     json_string(inventory.driver), json_string(inventory.cuda), devices,
                     json_string(inventory.fault));
}

std::string json_of(const BackendReport& backend) {
  std::string devices;
  for (const std::string& device : backend.devices)
    devices += (devices.empty() ? "" : ",") + json_string(device);
  return fmt::format(
      R"({{"name":{},"file":{},"version":{},"library":{},"devices":[{}],"fault":{}}})",
      json_string(backend.name), json_string(backend.file), json_string(backend.version),
      json_string(backend.library), devices, json_string(backend.fault));
}

}  // namespace

RuntimeReport examine_runtime(int said, const ServerThreads& server, const CudaEnvironment& cuda) {
  RuntimeReport report;
  report.processor = processor_name();
  report.limits = cpu_limits();
  report.said = said;
  report.budget = said > 0 ? said : cpu_budget(report.limits).cpus;
  report.server = divide_threads(report.budget, server);
  report.gpus = find_gpus(cuda);
  for (const std::string& name : installed_backends())
    report.backends.push_back(examine_backend(name, report.budget));
  return report;
}

std::string reason_of_budget(const RuntimeReport& report) {
  const CpuBudget cpus = cpu_budget(report.limits);
  if (report.said > 0) {
    return fmt::format("asked for by --threads, where this process may use {}{}", cpus.cpus,
                       report.said > cpus.cpus ? ": they will take turns" : "");
  }
  switch (cpus.decided_by) {
    case CpuLimit::kAffinity:
      return "the process's affinity mask";
    case CpuLimit::kCpuset:
      return "the cpuset of its cgroup";
    case CpuLimit::kQuota:
      return "the quota of its cgroup, rounded up";
    default:
      return "all CPUs of the machine, which nothing limits";
  }
}

std::string runtime_table(const RuntimeReport& report) {
  Table table;
  add_machine(table, report);
  add_threads(table, report);
  add_gpus(table, report.gpus);
  for (const BackendReport& backend : report.backends)
    add_backend(table, backend);
  if (report.backends.empty()) table.section("no backend is part of this installation");
  return table.take();
}

std::string runtime_json(const RuntimeReport& report) {
  const CpuLimits& limits = report.limits;
  std::string text = fmt::format(
      R"({{"machine":{{"processor":{},"cpus":{},"usable_cpus":{},"affinity":{},"cpuset":{},)",
      json_string(report.processor), limits.online, limits.affinity,
      json_string(limits.affinity_list), json_string(limits.cpuset_list));
  text += limits.quota ? fmt::format(R"("quota_cpus":{:g},"quota_file":{}}},)",
                                     limits.quota->cpus(), json_string(limits.quota->file))
                       : R"("quota_cpus":null,"quota_file":null},)";
  text += fmt::format(R"("thread_budget":{{"threads":{},"decided_by":"{}","reason":{}}},)",
                      report.budget,
                      report.said > 0 ? "setting" : name_of(cpu_budget(limits).decided_by),
                      json_string(reason_of_budget(report)));
  text +=
      fmt::format(R"("threads":{{"per_run":{},"shared_pool":{},"http":{},"grpc":{},"pictures":{},)"
                  R"("loading":{},"spinning":false}},"gpus":{},"backends":[)",
                  share_threads(report.budget, 1, std::nullopt).per_run,
                  pool_threads(report.budget), report.server.http, report.server.grpc,
                  report.server.pictures, report.server.loaders, json_of(report.gpus));
  bool first = true;
  for (const BackendReport& backend : report.backends) {
    text += (first ? "" : ",") + json_of(backend);
    first = false;
  }
  return text + "]}\n";
}

}  // namespace muster
