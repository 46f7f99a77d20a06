// SPDX-License-Identifier: Apache-2.0
#include "app/bench/backend_bench.h"

#include <memory>
#include <utility>

#include "app/bench/bench_report.h"
#include "app/subject/ways.h"
#include "base/caught.h"

namespace muster {
namespace {

constexpr double kMebibyte = 1 << 20;

class BackendBench {
 public:
  BackendBench(const ModelSubject& subject, const BenchOrder& order, Clock& clock,
               UsageMeter& usage)
      : subject_(subject), order_(order), clock_(clock), usage_(usage) {}

  void run(const std::string& backend, const std::vector<std::int64_t>& sizes,
           MessageLine& line) const {
    const auto contender = caught([&] { return open(backend); });
    if (!contender.ok())
      return tell(line, BenchMiss{backend, 0, std::string(contender.status().message())});
    const std::int64_t largest = contender->stacked ? contender->max_batch_size : 1;
    tell(line, BenchOpened{runtime_of(*contender), largest});
    for (const std::int64_t size : sizes.empty() ? doubling_sizes(largest) : sizes) {
      const auto measured = caught([&] { return measure(*contender, size); });
      if (measured.ok()) {
        BenchRow row = BenchRow::of(backend, measured->batches);
        row.gpu_mib = measured->gpu_mib;
        tell(line, BenchMeasured{std::move(row), measured->batches.own_share()});
      } else {
        tell(line, BenchMiss{backend, size, std::string(measured.status().message())});
      }
    }
  }

 private:
  // Where nobody is left to be told, this process ends with the one that began it.
  static void tell(MessageLine& line, const BenchReport& report) {
    [[maybe_unused]] const Status told = line.send(message_of(report));
  }

  struct Measured {
    BatchMeasurement batches;
    double gpu_mib = 0;
  };

  // Loads the model, and sees whether inputs can be made up for it at all.
  [[nodiscard]] Result<Contender> open(const std::string& backend) const {
    Way way = parse_way(backend, subject_.accelerators());
    ContenderOrder wanted{std::move(way.backend), order_.threads};
    wanted.accelerators = std::move(way.accelerators);
    MUSTER_ASSIGN_OR_RETURN(Contender contender, subject_.load(wanted));
    const auto inputs = SampleInputs::make(contender.model->signature(), contender.stacked, 1,
                                           order_.shapes, usage_.available_bytes() / 2);
    MUSTER_RETURN_IF_ERROR(inputs.status());
    return contender;
  }

  [[nodiscard]] Result<Measured> measure(const Contender& contender, std::int64_t size) const {
    const ModelSignature& signature = contender.model->signature();
    if (!contender.stacked && size != 1) return no_batch_axis(contender);
    // The inputs are there twice: here, and in the session.
    MUSTER_ASSIGN_OR_RETURN(const SampleInputs inputs,
                            SampleInputs::make(signature, contender.stacked, size, order_.shapes,
                                               usage_.available_bytes() / 2));
    // The runtime's own memory cannot be foreseen.
    const MemoryBound bound(usage_.available_bytes());
    MUSTER_ASSIGN_OR_RETURN(const auto session, contender.model->new_session());
    MUSTER_ASSIGN_OR_RETURN(BatchMeasurement batches,
                            measure_batches(*session, inputs, signature.outputs.size(), size,
                                            order_.extent, clock_, usage_));
    // With the session that was measured.
    const DeviceMemoryUse gpu = contender.model->device_memory();
    return Measured{std::move(batches),
                    static_cast<double>(gpu.weights + gpu.sessions) / kMebibyte};
  }

  const ModelSubject& subject_;
  const BenchOrder& order_;
  Clock& clock_;
  UsageMeter& usage_;
};

}  // namespace

BackendWork backend_bench(const ModelSubject& subject, const BenchOrder& order, Clock& clock,
                          UsageMeter& usage) {
  return [bench = BackendBench(subject, order, clock, usage)](
             const std::string& backend, const std::vector<std::int64_t>& sizes,
             MessageLine& line) { bench.run(backend, sizes, line); };
}

}  // namespace muster
