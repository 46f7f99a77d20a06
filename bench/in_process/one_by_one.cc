// SPDX-License-Identifier: Apache-2.0
#include "bench/experiment.h"
#include "bench/load.h"

namespace muster::bench {
namespace {

Comparison difference(const std::string& contender, const std::string& metric) {
  return {contender + "_" + metric + "_over_raw", [=](const Round& round) {
            return round.at(contender).at(metric) - round.at("raw").at(metric);
          }};
}

}  // namespace

// The raw call reads and writes memory that stays; Muster's is what an application writes: a
// request made for the call, a response that the caller owns.
Experiment one_by_one(const Workload& workload) {
  const std::shared_ptr<ModelService> service = open_service(workload);
  const auto raw = std::make_shared<RawLoops>(model_file(*service), workload.batch, 1);
  const auto rows = std::make_shared<Rows>(*service, workload.batch);
  const double seconds = workload.seconds;
  const std::int64_t batch = workload.batch;

  Experiment experiment;
  experiment.contenders = {
      {"raw", [=] { return raw->measure(seconds); }},
      {"infer",
       [=] {
         return measure_calls(seconds, batch, [&] { expect(service->infer(rows->request())); });
       }},
      {"submit", [=] {
         return measure_calls(seconds, batch,
                              [&] { expect(service->submit(rows->request()).get()); });
       }}};
  for (const char* contender : {"infer", "submit"}) {
    for (const char* metric : {"p50_us", "p90_us", "p99_us"}) {
      experiment.comparisons.push_back(difference(contender, metric));
    }
  }
  return experiment;
}

}  // namespace muster::bench
