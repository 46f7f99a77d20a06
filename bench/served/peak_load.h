// SPDX-License-Identifier: Apache-2.0
// PeakLoad: what a server carries, measured in a closed loop, and open loops by that measure.
#pragma once

#include <chrono>
#include <memory>
#include <vector>

#include "bench/served/contenders.h"

namespace muster::bench {

// Over HTTP with binary tensors. Keeps the server.
class PeakLoad {
 public:
  // The open loops have so many connections, and latencies over `deadline` are late there.
  PeakLoad(std::shared_ptr<const MusterServer> server, const KnownModel& model,
           const Workload& workload, int connections, std::chrono::microseconds deadline);

  // "peak": a round of it comes before each `run_at`.
  [[nodiscard]] Contender contender() const;
  // An open loop at `load` times the last peak.
  [[nodiscard]] Figures run_at(double load) const;
  // The same arrivals, with `questions` for another server.
  [[nodiscard]] Figures run_at(double load, const Asked& asked,
                               const std::vector<Question>& questions) const;

 private:
  std::shared_ptr<const MusterServer> server_;
  Contender closed_;
  std::shared_ptr<double> per_second_ = std::make_shared<double>(0);
  std::shared_ptr<const std::vector<Question>> questions_;
  OpenLoad load_;
};

}  // namespace muster::bench
