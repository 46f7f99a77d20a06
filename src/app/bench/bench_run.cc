// SPDX-License-Identifier: Apache-2.0
#include "app/bench/bench_run.h"

#include <memory>
#include <utility>

#include "base/caught.h"

namespace muster {
namespace {

Result<BatchMeasurement> measure_size(const Contender& contender, std::int64_t size,
                                      const BenchOrder& order, Clock& clock, UsageMeter& usage) {
  const ModelSignature& signature = contender.model->signature();
  if (!contender.stacked && size != 1) return no_batch_axis(signature);
  // The inputs are there twice: here, and in the session.
  MUSTER_ASSIGN_OR_RETURN(const SampleInputs inputs,
                          SampleInputs::make(signature, contender.stacked, size, order.shapes,
                                             usage.available_bytes() / 2));
  // The runtime's own memory cannot be foreseen.
  const MemoryBound bound(usage.available_bytes());
  MUSTER_ASSIGN_OR_RETURN(const auto session, contender.model->new_session());
  return measure_batches(*session, inputs, signature.outputs.size(), size, order.extent, clock,
                         usage);
}

void bench_sizes(const Contender& contender, const std::string& backend,
                 const std::vector<std::int64_t>& sizes, const BenchOrder& order,
                 const BenchListener& listener, Clock& clock, UsageMeter& usage) {
  for (const std::int64_t size : sizes) {
    const auto measured =
        caught([&] { return measure_size(contender, size, order, clock, usage); });
    if (!measured.ok()) {
      listener.missed({backend, size, std::string(measured.status().message())});
      continue;
    }
    const BenchRow row = BenchRow::of(backend, *measured);
    listener.measured(row);
    if (measured->own_share() > kNotableOwnShare) listener.disturbed(row, measured->own_share());
  }
}

// Loads the model, and sees whether inputs can be made up for it at all.
Result<Contender> open_contender(const ModelSubject& subject, const std::string& backend,
                                 const BenchOrder& order, UsageMeter& usage) {
  MUSTER_ASSIGN_OR_RETURN(Contender contender, subject.load({backend, order.threads}));
  const auto inputs = SampleInputs::make(contender.model->signature(), contender.stacked, 1,
                                         order.shapes, usage.available_bytes() / 2);
  MUSTER_RETURN_IF_ERROR(inputs.status());
  return contender;
}

}  // namespace

void run_bench(const ModelSubject& subject, const BenchOrder& order, const BenchListener& listener,
               Clock& clock, UsageMeter& usage) {
  for (const std::string& backend : order.backends) {
    const auto contender = open_contender(subject, backend, order, usage);
    if (!contender.ok()) {
      listener.missed({backend, 0, std::string(contender.status().message())});
      continue;
    }
    listener.opened(backend, contender->backend->version());
    const std::int64_t largest = contender->stacked ? contender->max_batch_size : 1;
    bench_sizes(*contender, backend,
                order.batch_sizes.empty() ? doubling_sizes(largest) : order.batch_sizes, order,
                listener, clock, usage);
  }
}

}  // namespace muster
