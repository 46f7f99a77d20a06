// SPDX-License-Identifier: Apache-2.0
#include "app/verify/verify_run.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/caught.h"
#include "base/text.h"
#include "comparing/row_runs.h"
#include "measuring/measure_batches.h"

namespace muster {
namespace {

// Rows that are made up by themselves: enough that a batch is not one row over and over.
constexpr std::int64_t kFewestRows = 16;

// What the reference said, by output.
struct Expected {
  ModelSignature signature;
  ModelSignature served;  // what the configuration lets others see of it
  std::int64_t max_batch_size = 1;
  bool stacked = false;
  VerifyInputs inputs;
  std::vector<OutputReference> outputs;
};

Result<RowRuns> runs_for(const Expected& expected, const ModelSignature& signature, bool stacked,
                         std::int64_t batch_size) {
  RowRuns runs{{}, stacked, batch_size};
  for (const TensorSpec& input : signature.inputs) {
    const auto spec = std::ranges::find(expected.signature.inputs, input.name, &TensorSpec::name);
    if (spec == expected.signature.inputs.end() || spec->type != input.type) {
      return failed_precondition("it has an input '" + printable(input.name) + "' of " +
                                 std::string(data_type_name(input.type)) +
                                 ", and the reference has none");
    }
    const auto index = static_cast<std::size_t>(spec - expected.signature.inputs.begin());
    runs.inputs.push_back(expected.inputs.tensors[index].view());
  }
  if (runs.inputs.size() != expected.signature.inputs.size())
    return failed_precondition("it has fewer inputs than the reference");
  return runs;
}

// The output of the reference that an output of this one is held against.
Result<std::size_t> counterpart(const Expected& expected, const TensorSpec& output) {
  const auto spec = std::ranges::find(expected.signature.outputs, output.name, &TensorSpec::name);
  if (spec == expected.signature.outputs.end()) {
    return failed_precondition("it has an output '" + printable(output.name) +
                               "', and the reference has none");
  }
  return static_cast<std::size_t>(spec - expected.signature.outputs.begin());
}

std::int64_t usual_rows(const Contender& contender, const std::vector<std::int64_t>& sizes) {
  const std::int64_t largest =
      sizes.empty() ? contender.max_batch_size : *std::ranges::max_element(sizes);
  return contender.stacked ? std::max(largest, kFewestRows) : kFewestRows;
}

class Verification {
 public:
  Verification(const ModelSubject& subject, const VerifyOrder& order,
               const VerifyListener& listener, UsageMeter& usage)
      : subject_(subject), order_(order), listener_(listener), usage_(usage) {}

  Status ask_reference() {
    MUSTER_ASSIGN_OR_RETURN(const Contender contender, subject_.load(order_.reference.order));
    expected_.signature = contender.model->signature();
    expected_.served = {contender.config.inputs, contender.config.outputs};
    expected_.max_batch_size = contender.max_batch_size;
    expected_.stacked = contender.stacked;
    if (expected_.signature.inputs.empty()) return no_batch_axis(expected_.signature);
    // The inputs are there twice: here, and in a session.
    MUSTER_ASSIGN_OR_RETURN(
        expected_.inputs,
        gather_inputs(contender, order_.inputs, usual_rows(contender, order_.batch_sizes),
                      usage_.available_bytes() / 2));
    const MemoryBound bound(usage_.available_bytes());
    MUSTER_ASSIGN_OR_RETURN(const auto session, contender.model->new_session());
    MUSTER_ASSIGN_OR_RETURN(const RowRuns runs,
                            runs_for(expected_, expected_.signature, contender.stacked, 1));
    expected_.outputs.resize(expected_.signature.outputs.size());
    MUSTER_RETURN_IF_ERROR(
        run_rows(*session, expected_.signature, runs,
                 [&](std::int64_t /*row*/, std::size_t output, const TensorView& said) {
                   return expected_.outputs[output].add(said);
                 }));
    listener_.referenced(expected_.inputs.origin, runtime_of(contender));
    return {};
  }

  void verify(const VerifyCandidate& candidate) {
    const auto contender = caught([&] { return open(candidate); });
    if (!contender.ok()) return miss(candidate, 0, contender.status());
    std::vector<std::int64_t> sizes = order_.batch_sizes;
    if (sizes.empty()) sizes = doubling_sizes(contender->stacked ? contender->max_batch_size : 1);
    for (const std::int64_t size : sizes) {
      const auto rows = caught([&] { return compare(candidate, *contender, size); });
      if (!rows.ok()) {
        miss(candidate, size, rows.status());
      } else {
        std::ranges::for_each(*rows, listener_.compared);
      }
    }
  }

 private:
  [[nodiscard]] Result<Contender> open(const VerifyCandidate& candidate) const {
    if (!candidate.server) return subject_.load(candidate.order);
    return find_at_server(*candidate.server, expected_.served, expected_.stacked,
                          expected_.max_batch_size);
  }

  void miss(const VerifyCandidate& candidate, std::int64_t size, const Status& why) const {
    listener_.missed({candidate.name, candidate.asked_precision(), size, std::string(why.message()),
                      candidate.asked_for});
  }

  Result<std::vector<VerifyRow>> compare(const VerifyCandidate& candidate,
                                         const Contender& contender, std::int64_t size) const {
    const ModelSignature& signature = contender.model->signature();
    if (!contender.stacked && (size != 1 || expected_.stacked)) return no_batch_axis(contender);
    if (contender.stacked && !expected_.stacked)
      return failed_precondition("it has a batch axis, and the reference has none");
    MUSTER_ASSIGN_OR_RETURN(const RowRuns runs,
                            runs_for(expected_, signature, contender.stacked, size));
    const std::string& asked = candidate.asked_precision();
    const std::string has = contender.model->precision();
    std::vector<VerifyRow> rows;
    std::vector<OutputComparison> comparisons;
    for (const TensorSpec& output : signature.outputs) {
      MUSTER_ASSIGN_OR_RETURN(const std::size_t index, counterpart(expected_, output));
      // What was asked for may be told to be right, and cannot make what is there any closer.
      const DataType type = expected_.signature.outputs[index].type;
      const double tolerance = std::max(order_.tolerances.of(asked, type),
                                        has.empty() ? 0 : order_.tolerances.of(has, type));
      rows.push_back({candidate.name, asked, has, size, output.name, tolerance, {}});
      comparisons.emplace_back(expected_.outputs[index], tolerance);
    }
    // The runtime's own memory cannot be foreseen.
    const MemoryBound bound(usage_.available_bytes());
    MUSTER_ASSIGN_OR_RETURN(const auto session, contender.model->new_session());
    MUSTER_RETURN_IF_ERROR(
        run_rows(*session, signature, runs,
                 [&](std::int64_t row, std::size_t output, const TensorView& said) {
                   return comparisons[output].add(row, said);
                 }));
    for (std::size_t i = 0; i < rows.size(); ++i)
      rows[i].found = comparisons[i].findings();
    return rows;
  }

  const ModelSubject& subject_;
  const VerifyOrder& order_;
  const VerifyListener& listener_;
  UsageMeter& usage_;
  Expected expected_;
};

}  // namespace

Status run_verify(const ModelSubject& subject, const VerifyOrder& order,
                  const VerifyListener& listener, UsageMeter& usage) {
  Verification verification(subject, order, listener, usage);
  MUSTER_RETURN_IF_ERROR(caught([&] {
                           return verification.ask_reference();
                         }).with_context("the reference, " + printable(order.reference.name)));
  for (const VerifyCandidate& candidate : order.candidates)
    verification.verify(candidate);
  return {};
}

}  // namespace muster
