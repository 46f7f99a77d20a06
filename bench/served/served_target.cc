// SPDX-License-Identifier: Apache-2.0
// A model with a latency target beside the same model with twelve settings of delay and batch size,
// all in one server, asked in an open loop at the same rates.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <stdlib.h>

#include "bench/served/peak_load.h"

namespace muster::bench {
namespace {

constexpr int kConnections = 2000;
constexpr const char* kTargetName = "target";

struct Setting {
  std::string name;
  std::string config;
};

// A repository with the workload's model once for each setting, under the settings' names.
class Repository {
 public:
  Repository(const std::string& model, const std::vector<Setting>& settings) {
    std::string pattern = std::filesystem::temp_directory_path() / "muster-bench-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error(pattern + " cannot be made");
    folder_ = pattern;
    for (const Setting& setting : settings) {
      const std::filesystem::path folder = folder_ / setting.name;
      std::filesystem::copy(std::filesystem::path(model) / "1", folder / "1",
                            std::filesystem::copy_options::recursive);
      std::ofstream(folder / "config.pbtxt") << setting.config;
    }
  }
  ~Repository() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  Repository(const Repository&) = delete;
  Repository& operator=(const Repository&) = delete;

  [[nodiscard]] std::string folder() const { return folder_; }

 private:
  std::filesystem::path folder_;
};

// The queue's timeout leaves a full batch time to run, as whoever tunes with care sets it.
std::vector<Setting> settings_of(const Workload& workload) {
  const auto target_us = static_cast<double>(workload.timeout_us);
  std::vector<Setting> settings = {
      {kTargetName, fmt::format("backend: \"scripted\"\nmax_batch_size: {}\nparameters {{ key: "
                                "\"latency_target_ms\" value {{ string_value: \"{}\" }} }}\n",
                                workload.batch, target_us / 1000)}};
  for (const int divisor : {8, 4, 2, 1}) {
    for (const double part : {0.0, 0.1, 0.3}) {
      const std::int64_t rows = workload.batch / divisor;
      const double batch_us = workload.fixed_us + workload.per_row_us * static_cast<double>(rows);
      const double left_us = std::max(1.0, target_us - 1.12 * batch_us);
      settings.push_back(
          {fmt::format("rows_{}_delay_{:.0f}us", rows, part * target_us),
           fmt::format("backend: \"scripted\"\nmax_batch_size: {}\ndynamic_batching {{\n"
                       "  max_queue_delay_microseconds: {:.0f}\n  default_queue_policy {{\n"
                       "    default_timeout_microseconds: {:.0f} }}\n}}\n",
                       rows, part * target_us, left_us)});
    }
  }
  return settings;
}

// Of settings by hand, those that answer too many late do not count.
double good_of(const Figures& figures) {
  return figures.at("late_percent") > 1 ? 0 : figures.at("good_per_s");
}

std::string contender_name(const std::string& setting, double load) {
  return fmt::format("{}_at_{:.1f}", setting, load);
}

double least_of_grid(const Round& round, const std::vector<Setting>& settings,
                     const std::vector<double>& loads) {
  double least = 1e9;
  for (const double load : loads) {
    double best = 0;
    for (const Setting& setting : settings) {
      if (setting.name != kTargetName)
        best = std::max(best, good_of(round.at(contender_name(setting.name, load))));
    }
    const double target = round.at(contender_name(kTargetName, load)).at("good_per_s");
    least = std::min(least, target / std::max(1.0, best));
  }
  return least;
}

}  // namespace

Experiment served_target(const Workload& workload, const Peers& peers) {
  const KnownModel known = know_model(workload.model);
  const std::vector<Setting> settings = settings_of(workload);
  const auto repository = std::make_shared<Repository>(workload.model, settings);
  const auto server = std::make_shared<MusterServer>(peers.program, repository->folder());
  const auto rows = static_cast<double>(workload.batch);
  const double per_second = 1e6 * rows / (workload.fixed_us + workload.per_row_us * rows);
  Experiment experiment;
  for (const double load : workload.loads) {
    for (const Setting& setting : settings) {
      KnownModel model = known;
      model.name = setting.name;
      Workload untimed = workload;
      untimed.timeout_us = 0;
      const auto loop = std::make_shared<PeakLoad>(server, model, untimed, kConnections,
                                                   std::chrono::microseconds(workload.timeout_us));
      experiment.contenders.push_back({contender_name(setting.name, load), [=, kept = repository] {
                                         return (void)kept, loop->run_at_rate(load * per_second);
                                       }});
    }
  }
  experiment.comparisons = {
      {"least_of_grid", [=, loads = workload.loads](
                            const Round& round) { return least_of_grid(round, settings, loads); }},
      {"most_late_percent", [loads = workload.loads](const Round& round) {
         double most = 0;
         for (const double load : loads) {
           most = std::max(most, round.at(contender_name(kTargetName, load)).at("late_percent"));
         }
         return most;
       }}};
  return experiment;
}

}  // namespace muster::bench
