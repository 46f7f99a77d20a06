// SPDX-License-Identifier: Apache-2.0
// SubjectBench: candidates of a model, measured in this process, which is there for their setup
// (process_bench.h). Each is loaded from the very configuration that would be advised, with the
// threads that a server would give it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/advise/advise_plan.h"
#include "app/advise/setups.h"
#include "app/subject/model_subject.h"
#include "measuring/sample_inputs.h"
#include "measuring/usage_meter.h"

namespace muster {

struct SubjectBenchOrder {
  std::string config_text;  // of the model, or what would stand for its own
  OwnConfig own;
  std::vector<std::int64_t> batch_sizes;  // ascending; empty: 1, 2, 4, ...
  RowShapes shapes;
  int thread_budget = 1;
  std::string compiled_cache = {};  // as ModelSource has it; for all processes
};

class SubjectBench final : public CandidateBench {
 public:
  // All but `order` must outlive it.
  SubjectBench(const ModelSubject& subject, SubjectBenchOrder order, Clock& clock,
               UsageMeter& usage)
      : subject_(subject), order_(std::move(order)), clock_(clock), usage_(usage) {}

  Result<std::vector<std::int64_t>> open(const Setup& setup) override;
  void close(const Setup& setup) override;
  Result<Reading> measure(const Candidate& candidate, int instances,
                          Clock::Duration length) override;

  // Loads the model once more, with a configuration as it would be written, and runs one batch.
  [[nodiscard]] Status try_out(const std::string& config_text, std::int64_t rows);
  [[nodiscard]] const std::string& single_rows() const noexcept override { return single_rows_; }

 private:
  struct Opened {
    Contender contender;
    std::uint64_t resident_before = 0;
    std::string single_rows = {};  // as single_rows()
  };

  [[nodiscard]] Result<std::shared_ptr<Backend>> backend(const std::string& name);
  [[nodiscard]] Result<Contender> load(const std::string& config_text);
  [[nodiscard]] Result<Contender> load(const Setup& setup);
  // Why rows of several requests cannot share a batch; "" = they can. An error where no input can
  // be made up, or a run breaks the model for good.
  [[nodiscard]] Result<std::string> look_at_rows(const Contender& contender);
  [[nodiscard]] std::vector<std::int64_t> sizes_of(const Opened& opened) const;
  [[nodiscard]] Result<Reading> measure_now(const Opened& opened, const Candidate& candidate,
                                            int instances, Clock::Duration length);

  const ModelSubject& subject_;
  const SubjectBenchOrder order_;
  Clock& clock_;
  UsageMeter& usage_;
  std::map<std::string, std::shared_ptr<Backend>, std::less<>> backends_;  // kept: slow to make
  std::map<Setup, Opened> opened_;
  std::string single_rows_;
};

}  // namespace muster
