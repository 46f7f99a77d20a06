// SPDX-License-Identifier: Apache-2.0
// ProcessBench: candidates measured in processes, one for each setup that is open.
//
// What a setup is said to take of the memory is then its own, and one that takes all there is ends
// its process and not the advice. Its process is begun anew with the next measurement.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "app/advise/advise_plan.h"
#include "measuring/own_process.h"

namespace muster {

class ProcessBench final : public CandidateBench {
 public:
  // Makes what measures, in the process where it does.
  using Maker = std::function<std::unique_ptr<CandidateBench>()>;
  explicit ProcessBench(Maker make) : make_(std::move(make)) {}

  Result<std::vector<std::int64_t>> open(const Setup& setup) override;
  void close(const Setup& setup) override;
  Result<Reading> measure(const Candidate& candidate, int instances,
                          Clock::Duration length) override;
  [[nodiscard]] const std::string& single_rows() const noexcept override { return single_rows_; }

 private:
  const Maker make_;
  std::map<Setup, std::unique_ptr<OwnProcess>> opened_;  // null: ended by what it measured
  std::string single_rows_;
};

// The outcome of `work` in a process of its own.
[[nodiscard]] Status outcome_apart(const std::function<Status()>& work);

}  // namespace muster
