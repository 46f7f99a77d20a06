// SPDX-License-Identifier: Apache-2.0
#include "app/advise/setups.h"

#include <algorithm>
#include <utility>

#include "app/subject/ways.h"
#include "inference/thread_budget.h"
#include "measuring/measure_batches.h"

namespace muster {
namespace {

int share_of(int budget, int instances) {
  return share_threads(budget, instances, std::nullopt).per_run;
}

// Ascending.
std::vector<int> threads_to_try(const SetupOrder& order) {
  if (!order.threads.empty()) return order.threads;
  std::vector<int> threads;
  for (const std::int64_t size : doubling_sizes(order.thread_budget))
    threads.push_back(static_cast<int>(size));
  return threads;
}

std::vector<int> instances_to_try(const SetupOrder& order, int threads) {
  if (!order.instances.empty()) return order.instances;
  const int most = std::max(1, order.thread_budget / threads);
  return {1, std::max(1, most / 2), most};
}

// A run has its share, whatever was asked for.
void add_shares(const SetupOrder& order, const std::string& backend, std::vector<Setup>& setups) {
  for (const int count : instances_to_try(order, 1))
    setups.push_back({backend, count, share_of(order.thread_budget, count)});
}

// On a GPU it is its runs at the same time that count, which are bounded before processors are.
constexpr int kMostInstancesOnGpu = 8;

void add_on_gpu(const SetupOrder& order, const std::string& backend, std::vector<Setup>& setups) {
  if (!order.instances.empty()) {
    for (const int count : order.instances)
      setups.push_back({backend, count, 1});
    return;
  }
  for (const std::int64_t count :
       doubling_sizes(std::min(order.thread_budget, kMostInstancesOnGpu)))
    setups.push_back({backend, static_cast<int>(count), 1});
}

void add_all(const SetupOrder& order, const std::string& backend, std::vector<Setup>& setups) {
  for (const int threads : threads_to_try(order)) {
    for (const int instances : instances_to_try(order, threads)) {
      Setup setup{backend, instances, threads};
      // More instances than the budget were asked for: each then has one thread.
      const int most = std::max(order.thread_budget, instances);
      if (!order.threads.empty() || setup.all_threads() <= most) setups.push_back(std::move(setup));
    }
  }
}

}  // namespace

std::string_view thread_parameter(std::string_view backend) noexcept {
  if (backend == "onnxruntime") return "intra_op_thread_count";
  return backend == "openvino" ? "INFERENCE_NUM_THREADS" : "";
}

std::vector<Setup> setups_for(const SetupOrder& order) {
  std::vector<Setup> setups;
  for (const std::string& backend : order.backends) {
    std::vector<Setup> of_backend;
    if (computes_on_gpu(backend)) {
      add_on_gpu(order, backend, of_backend);
    } else if (thread_parameter(backend).empty()) {
      add_shares(order, backend, of_backend);
    } else {
      add_all(order, backend, of_backend);
    }
    std::ranges::sort(of_backend, {}, [](const Setup& setup) {
      return std::pair(setup.all_threads(), setup.instances);
    });
    const auto repeated = std::ranges::unique(of_backend);
    of_backend.erase(repeated.begin(), repeated.end());
    setups.insert(setups.end(), of_backend.begin(), of_backend.end());
  }
  return setups;
}

RunSettings settings_of(const Setup& setup, std::optional<std::int64_t> max_batch_size,
                        int thread_budget, const OwnConfig& own) {
  const Way way = parse_way(setup.backend, {});
  RunSettings settings{way.backend, own.backend, setup.instances, max_batch_size, {}};
  if (way.accelerators) settings.accelerator = way.accelerators->front().name;
  const std::string key(thread_parameter(setup.backend));
  if (key.empty()) return settings;
  // OpenVINO counts the threads of all its streams together, of which each instance has one.
  const int counted = setup.backend == "openvino" ? setup.all_threads() : setup.threads;
  const bool is_share = setup.threads == share_of(thread_budget, setup.instances);
  const auto said = own.parameters.find(key);
  const bool says_so = setup.backend == own.backend && said != own.parameters.end() &&
                       said->second == std::to_string(counted);
  settings.parameters[key] = is_share && !says_so ? "" : std::to_string(counted);
  return settings;
}

}  // namespace muster
