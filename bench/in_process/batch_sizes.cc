// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <stdexcept>

#include "bench/experiment.h"
#include "bench/load.h"

namespace muster::bench {

// One caller, whole batches: what a row costs by the size of its batch.
Experiment batch_sizes(const Workload& workload) {
  if (workload.sizes.empty()) throw std::runtime_error(workload.name + ": 'sizes' is missing");
  const std::shared_ptr<ModelService> service =
      open_service(workload, *std::max_element(workload.sizes.begin(), workload.sizes.end()));
  const double seconds = workload.seconds;

  Experiment experiment;
  for (const std::int64_t size : workload.sizes) {
    const std::string suffix = "_" + std::to_string(size);
    const auto raw = std::make_shared<RawLoops>(model_file(*service), size, 1);
    const auto rows = std::make_shared<Rows>(*service, size);
    experiment.contenders.push_back({"raw" + suffix, [=] { return raw->measure(seconds); }});
    experiment.contenders.push_back(
        {"infer" + suffix, [=] {
           return measure_calls(seconds, size, [&] { expect(service->infer(rows->request())); });
         }});
    experiment.comparisons.push_back({"infer" + suffix + "_of_raw", [=](const Round& round) {
                                        return round.at("infer" + suffix).at("items_per_s") /
                                               round.at("raw" + suffix).at("items_per_s");
                                      }});
  }
  return experiment;
}

}  // namespace muster::bench
