// SPDX-License-Identifier: Apache-2.0
#include "bench/served/peak_load.h"

#include <utility>

namespace muster::bench {

PeakLoad::PeakLoad(std::shared_ptr<const MusterServer> server, const KnownModel& model,
                   const Workload& workload, int connections, std::chrono::microseconds deadline)
    : server_(std::move(server)),
      closed_(ask_server("peak", "http-binary", server_->doors(), model, workload).value()),
      questions_(std::make_shared<const std::vector<Question>>(
          binary_questions(server_->doors().http, model, connections, workload.timeout_us))),
      load_{connections, 0, deadline, workload.seconds} {}

Contender PeakLoad::contender() const {
  return {closed_.name, [closed = closed_, per_second = per_second_] {
            Figures figures = closed.measure();
            *per_second = figures.at("items_per_s");
            return figures;
          }};
}

Figures PeakLoad::run_at(double load) const {
  return run_at(load, {server_->doors().http, server_->doors().pid}, *questions_);
}

Figures PeakLoad::run_at(double load, const Asked& asked,
                         const std::vector<Question>& questions) const {
  OpenLoad open = load_;
  open.per_second = load * *per_second_;
  return run_open_load(asked, questions, open);
}

}  // namespace muster::bench
