// SPDX-License-Identifier: Apache-2.0
// Whether requests feel that their model is replaced: the same open loop while the model stays as
// it is, and while it is loaded anew every second.
#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>

#include "bench/served/peak_load.h"

namespace muster::bench {
namespace {

constexpr int kConnections = 1024;
constexpr std::chrono::seconds kLate{1};  // of an answer
constexpr std::chrono::seconds kBetweenLoads{1};

// Loads a model anew as long as it lives.
class Reloads {
 public:
  Reloads(const ServerAddress& door, const std::string& model)
      : thread_([this, door, path = "/v2/repository/models/" + model + "/load"] {
          while (!over_) {
            if (http_exchange(door, "POST", path, "{}").code != 200) return failed_.store(true);
            ++loads_;
            const auto next = WallClock::now() + kBetweenLoads;
            while (!over_ && WallClock::now() < next)
              std::this_thread::sleep_for(std::chrono::milliseconds(10));
          }
        }) {}
  ~Reloads() { stop(); }
  Reloads(const Reloads&) = delete;
  Reloads& operator=(const Reloads&) = delete;

  // How many there were.
  int stop() {
    over_ = true;
    if (thread_.joinable()) thread_.join();
    if (failed_) throw std::runtime_error("a model did not load anew");
    return loads_;
  }

 private:
  std::atomic<bool> over_{false};
  std::atomic<bool> failed_{false};
  std::atomic<int> loads_{0};
  std::thread thread_;
};

Comparison ratio_of(const std::string& metric, const std::string& name) {
  return {name, [=](const Round& round) {
            return round.at("reloading").at(metric) / round.at("steady").at(metric);
          }};
}

}  // namespace

Experiment reload(const Workload& workload, const Peers& peers) {
  const KnownModel model = know_model(workload.model);
  const auto muster = std::make_shared<MusterServer>(
      peers.program, repository_of(workload),
      std::vector<std::string>{"--model-control", "explicit", "--load-model", model.name});
  const PeakLoad peak(muster, model, workload, kConnections, kLate);
  const auto at_load = [=, load = workload.load] {
    Figures figures = peak.run_at(load);
    if (figures.at("refused") > 0) throw std::runtime_error("a request was refused");
    return figures;
  };

  Experiment experiment;
  experiment.contenders.push_back(peak.contender());
  experiment.contenders.push_back({"steady", at_load});
  experiment.contenders.push_back({"reloading", [=] {
                                     Reloads reloads(muster->doors().http, model.name);
                                     Figures figures = at_load();
                                     figures["loads"] = reloads.stop();
                                     return figures;
                                   }});
  experiment.comparisons = {
      ratio_of("p50_us", "reloading_p50_of_steady"),
      ratio_of("p99_us", "reloading_p99_of_steady"),
      {"loads", [](const Round& round) { return round.at("reloading").at("loads"); }}};
  return experiment;
}

}  // namespace muster::bench
