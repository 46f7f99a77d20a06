// SPDX-License-Identifier: Apache-2.0
#include "app/bench/backend_bench.h"

#include <memory>
#include <utility>

#include "app/bench/bench_report.h"
#include "base/caught.h"

namespace muster {
namespace {

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
    tell(line, BenchOpened{contender->backend->version(), largest});
    for (const std::int64_t size : sizes.empty() ? doubling_sizes(largest) : sizes) {
      const auto measured = caught([&] { return measure(*contender, size); });
      if (measured.ok()) {
        tell(line, BenchMeasured{BenchRow::of(backend, *measured), measured->own_share()});
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

  // Loads the model, and sees whether inputs can be made up for it at all.
  [[nodiscard]] Result<Contender> open(const std::string& backend) const {
    MUSTER_ASSIGN_OR_RETURN(Contender contender, subject_.load({backend, order_.threads}));
    const auto inputs = SampleInputs::make(contender.model->signature(), contender.stacked, 1,
                                           order_.shapes, usage_.available_bytes() / 2);
    MUSTER_RETURN_IF_ERROR(inputs.status());
    return contender;
  }

  [[nodiscard]] Result<BatchMeasurement> measure(const Contender& contender,
                                                 std::int64_t size) const {
    const ModelSignature& signature = contender.model->signature();
    if (!contender.stacked && size != 1) return no_batch_axis(contender);
    // The inputs are there twice: here, and in the session.
    MUSTER_ASSIGN_OR_RETURN(const SampleInputs inputs,
                            SampleInputs::make(signature, contender.stacked, size, order_.shapes,
                                               usage_.available_bytes() / 2));
    // The runtime's own memory cannot be foreseen.
    const MemoryBound bound(usage_.available_bytes());
    MUSTER_ASSIGN_OR_RETURN(const auto session, contender.model->new_session());
    return measure_batches(*session, inputs, signature.outputs.size(), size, order_.extent, clock_,
                           usage_);
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
