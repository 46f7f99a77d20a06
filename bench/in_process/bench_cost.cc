// SPDX-License-Identifier: Apache-2.0
// What `muster bench` costs beside what it measures: its own loop, on the model as the verb loads
// it, with a loop that does nothing but run.
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>

#include <fmt/format.h>

#include "app/subject/model_subject.h"
#include "bench/experiment.h"
#include "bench/load.h"
#include "measuring/measure_batches.h"
#include "measuring/sample_inputs.h"
#include "measuring/usage_meter.h"

namespace muster::bench {
namespace {

constexpr int kRunsBetweenLooks = 16;  // at the clock

// The bound runtime, without a look at how long single runs take.
class BareLoop {
 public:
  BareLoop(const std::string& file, std::int64_t batch) : runtime_(file), loop_(runtime_, batch) {}

  [[nodiscard]] Figures run(double seconds) {
    run_for(seconds / 20);
    const Usage usage;
    const std::int64_t runs = run_for(seconds);
    Figures figures;
    usage.put_into(figures, static_cast<double>(runs * loop_.batch()));
    return figures;
  }

 private:
  std::int64_t run_for(double seconds) {
    const std::chrono::duration<double> length(seconds);
    std::int64_t runs = 0;
    for (const auto begin = WallClock::now(); WallClock::now() - begin < length;
         runs += kRunsBetweenLooks) {
      for (int i = 0; i < kRunsBetweenLooks; ++i)
        loop_.run();
    }
    return runs;
  }

  RawRuntime runtime_;
  RawRuntime::Loop loop_;
};

// The model with its own backend, measured as `muster bench --threads 1` does.
class MeasuredModel {
 public:
  explicit MeasuredModel(const std::string& path)
      : subject_(expect(ModelSubject::open(path))),
        loaded_(expect(subject_.load({subject_.backend(), 1}))) {}

  [[nodiscard]] Figures measure(std::int64_t rows, double seconds) const {
    const ModelSignature& signature = loaded_.model->signature();
    const SampleInputs inputs = expect(SampleInputs::make(signature, loaded_.stacked, rows, {},
                                                          process_usage().available_bytes() / 2));
    const auto session = expect(loaded_.model->new_session());
    const auto length =
        std::chrono::duration_cast<Clock::Duration>(std::chrono::duration<double>(seconds));
    const BatchMeasurement measured =
        expect(measure_batches(*session, inputs, signature.outputs.size(), rows,
                               {length / 20, 0, length}, steady_clock(), process_usage()));
    const double items = static_cast<double>(rows) * static_cast<double>(measured.latency.count());
    Figures figures{
        {"items_per_s", measured.items_per_second()},
        {"all_items_per_s", items / std::chrono::duration<double>(measured.elapsed).count()},
        {"own_percent", 100 * measured.own_share()},
        {"cpu_us_per_item", measured.cpu_us_per_item()}};
    put_into(figures, measured.latency);
    return figures;
  }

 private:
  ModelSubject subject_;
  muster::Contender loaded_;
};

}  // namespace

Experiment bench_cost(const Workload& workload) {
  if (workload.sizes.empty()) throw std::runtime_error(workload.name + ": 'sizes' is missing");
  const auto model = std::make_shared<MeasuredModel>(workload.model);
  const double seconds = workload.seconds;

  Experiment experiment;
  for (const std::int64_t size : workload.sizes) {
    const std::string raw = fmt::format("raw_{}", size);
    const std::string measured = fmt::format("bench_{}", size);
    const auto bare = std::make_shared<BareLoop>(workload.model + "/1/model.onnx", size);
    experiment.contenders.push_back({raw, [=] { return bare->run(seconds); }});
    experiment.contenders.push_back({measured, [=] { return model->measure(size, seconds); }});
    const auto of_raw = [=](const char* metric) {
      return [=](const Round& round) {
        return round.at(measured).at(metric) / round.at(raw).at("items_per_s");
      };
    };
    experiment.comparisons.push_back(
        {fmt::format("reported_of_raw_{}", size), of_raw("items_per_s")});
    experiment.comparisons.push_back(
        {fmt::format("all_of_raw_{}", size), of_raw("all_items_per_s")});
    experiment.comparisons.push_back({fmt::format("own_percent_{}", size), [=](const Round& round) {
                                        return round.at(measured).at("own_percent");
                                      }});
  }
  return experiment;
}

}  // namespace muster::bench
