// SPDX-License-Identifier: Apache-2.0
#include "app/bench/bench_run.h"

#include <algorithm>
#include <exception>
#include <memory>
#include <utility>

#include "base/text.h"
#include "model_config/model_config.h"

namespace muster {
namespace {

// Why the model takes no batch of another size than 1.
Status no_batch_axis(const ModelSignature& signature) {
  const auto fixed = std::ranges::find_if(signature.inputs, [](const TensorSpec& input) {
    return input.shape.rank() == 0 || input.shape[0] != kDynamicDim;
  });
  if (fixed == signature.inputs.end()) return failed_precondition("the model has no inputs");
  return failed_precondition(
      "input '" + printable(fixed->name) + "' has shape " + fixed->shape.to_string() +
      ", without an open batch axis: only 1 can be measured, a run as it is");
}

Result<BatchMeasurement> measure_size(const BenchContender& contender, std::int64_t size,
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

// Where memory runs out, that is the end of one size and not of the others.
Result<BatchMeasurement> try_size(const BenchContender& contender, std::int64_t size,
                                  const BenchOrder& order, Clock& clock, UsageMeter& usage) {
  try {
    return measure_size(contender, size, order, clock, usage);
  } catch (const std::bad_alloc&) {
    return resource_exhausted("there is not enough memory");
  } catch (const std::exception& error) {
    return internal_error(printable(error.what()));
  }
}

void bench_sizes(const BenchContender& contender, const std::string& backend,
                 const std::vector<std::int64_t>& sizes, const BenchOrder& order,
                 const BenchListener& listener, Clock& clock, UsageMeter& usage) {
  for (const std::int64_t size : sizes) {
    const auto measured = try_size(contender, size, order, clock, usage);
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
Result<BenchContender> open_contender(const BenchSubject& subject, const std::string& backend,
                                      const BenchOrder& order, UsageMeter& usage) {
  MUSTER_ASSIGN_OR_RETURN(BenchContender contender, subject.load(backend, order.threads));
  const auto inputs = SampleInputs::make(contender.model->signature(), contender.stacked, 1,
                                         order.shapes, usage.available_bytes() / 2);
  MUSTER_RETURN_IF_ERROR(inputs.status());
  return contender;
}

}  // namespace

void run_bench(const BenchSubject& subject, const BenchOrder& order, const BenchListener& listener,
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
