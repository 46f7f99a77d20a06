// SPDX-License-Identifier: Apache-2.0
#include "app/bench/bench_run.h"

#include <memory>
#include <optional>
#include <utility>
#include <variant>

#include "app/bench/bench_report.h"
#include "measuring/own_process.h"

namespace muster {
namespace {

class BackendRun {
 public:
  BackendRun(std::string backend, std::vector<std::int64_t> sizes, const BackendWork& work,
             const BenchListener& listener)
      : backend_(std::move(backend)), left_(std::move(sizes)), work_(work), listener_(listener) {}

  void run() {
    // Each turn that fails leaves fewer sizes.
    do {
      const Status ended = follow_process();
      if (!ended.ok() && !is_hopeless_) miss_next(std::string(ended.message()));
    } while (is_opened_ && !left_.empty());
  }

 private:
  // Until its process ends; an error where that was in the middle of something.
  Status follow_process() {
    is_opened_here_ = false;
    MUSTER_ASSIGN_OR_RETURN(const auto process, OwnProcess::begin([this](MessageLine& line) {
                              work_(backend_, left_, line);
                            }));
    while (true) {
      MUSTER_ASSIGN_OR_RETURN(const auto message, process->receive());
      if (!message) break;
      auto report = report_of(*message);
      if (!report) return internal_error("its process reports what is not understood");
      std::visit([this](auto& it) { take(it); }, *report);
    }
    return left_.empty() || is_hopeless_ ? Status()
                                         : internal_error("its process ended before its time");
  }

  void take(const BenchOpened& opened) {
    is_opened_here_ = true;
    if (is_opened_) return;
    is_opened_ = true;
    if (left_.empty()) left_ = doubling_sizes(opened.largest_batch_size);
    listener_.opened(backend_, opened.runtime);
  }
  void take(const BenchMeasured& measured) {
    drop_next();
    listener_.measured(measured.row);
    if (measured.own_share > kNotableOwnShare)
      listener_.disturbed(measured.row, measured.own_share);
  }
  void take(const BenchMiss& miss) {
    if (miss.batch_size == 0) return give_up(miss.reason);
    drop_next();
    listener_.missed(miss);
  }

  void miss_next(const std::string& reason) {
    // Where the model could not even be loaded, it would not be for the next size.
    if (!is_opened_here_) return give_up(reason);
    if (left_.empty()) return listener_.missed({backend_, 0, reason + " when all was measured"});
    const std::int64_t size = left_.front();
    drop_next();
    listener_.missed({backend_, size, reason});
  }

  // Of the backend, or where it had been opened before, of each size that is left.
  void give_up(const std::string& reason) {
    is_hopeless_ = true;
    if (!is_opened_) listener_.missed({backend_, 0, reason});
    for (; is_opened_ && !left_.empty(); drop_next())
      listener_.missed({backend_, left_.front(), reason});
  }

  void drop_next() {
    if (!left_.empty()) left_.erase(left_.begin());
  }

  const std::string backend_;
  std::vector<std::int64_t> left_;  // sizes that are neither measured nor missed
  const BackendWork& work_;
  const BenchListener& listener_;
  bool is_opened_ = false;       // by any of its processes
  bool is_opened_here_ = false;  // by the one that runs
  bool is_hopeless_ = false;     // there is nothing more to try
};

}  // namespace

void run_bench(const std::vector<std::string>& backends,
               const std::vector<std::int64_t>& batch_sizes, const BackendWork& work,
               const BenchListener& listener) {
  for (const std::string& backend : backends)
    BackendRun(backend, batch_sizes, work, listener).run();
}

}  // namespace muster
