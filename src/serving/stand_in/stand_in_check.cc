// SPDX-License-Identifier: Apache-2.0
#include "serving/stand_in/stand_in_check.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/text.h"
#include "comparing/made_up_rows.h"
#include "comparing/output_comparison.h"
#include "comparing/row_runs.h"
#include "comparing/signature_differences.h"
#include "comparing/usual_tolerance.h"

namespace muster {
namespace {

// Tried in this order: the first ones suit texts and pictures, a longer one is seldom refused for
// being too short.
constexpr std::int64_t kOpenDims[] = {64, 16, 128, 224, 1};

Status given_up() {
  return {StatusCode::kCancelled, "the check was given up"};
}

class Check {
 public:
  explicit Check(const StandInCheck& order)
      : order_(order), stacked_(order.config.batching.max_batch_size > 0) {}

  Result<StandInFindings> run() {
    const ModelSignature& expected = order_.stand_in.signature();
    const std::string apart = signature_differences(expected, order_.compiled.signature());
    if (!apart.empty()) return StandInFindings{apart, ""};
    MUSTER_ASSIGN_OR_RETURN(stand_in_, order_.stand_in.new_session());
    MUSTER_ASSIGN_OR_RETURN(compiled_, order_.compiled.new_session());
    MUSTER_RETURN_IF_ERROR(refer());
    StandInFindings findings;
    MUSTER_RETURN_IF_ERROR(compare(1, findings));
    const std::int64_t rows = batch_rows();
    if (rows > 1 && findings.difference.empty()) MUSTER_RETURN_IF_ERROR(compare(rows, findings));
    return findings;
  }

 private:
  [[nodiscard]] std::int64_t batch_rows() const {
    return order_.config.dynamic_batching
               ? std::min(kCheckedRows, order_.config.batching.max_batch_size)
               : 1;
  }

  // Runs the stand-in, with lengths of open dimensions that both take.
  Status refer() {
    const bool open = has_open_dims(order_.stand_in.signature(), stacked_);
    Status last;
    for (const std::int64_t length : kOpenDims) {
      last = refer_with(length, open);
      if (last.ok() || !open || last.code() == StatusCode::kCancelled) return last;
    }
    return last.with_context("no length of its open dimensions was found that both run");
  }

  Status refer_with(std::int64_t open_dims, bool open) {
    const ModelSignature& signature = order_.stand_in.signature();
    MUSTER_ASSIGN_OR_RETURN(
        rows_, made_up_rows(signature, {stacked_, kCheckedRows, open_dims, kMaxCheckBytes}));
    if (rows_.empty()) return failed_precondition("it has no inputs to make up");
    references_ = std::vector<OutputReference>(signature.outputs.size());
    MUSTER_RETURN_IF_ERROR(
        run_rows(*stand_in_, signature, rows_for(signature, 1),
                 [this](std::int64_t, std::size_t output, const TensorView& row) {
                   if (order_.give_up.stop_requested()) return given_up();
                   return references_[output].add(row);
                 }));
    if (!open) return {};
    // What the other one refuses is to be found out while there is another length to try.
    const ModelSignature& other = order_.compiled.signature();
    return run_rows(*compiled_, other, rows_for(other, 1),
                    [](std::int64_t, std::size_t, const TensorView&) { return Status(); });
  }

  // The rows in the order of `signature`'s inputs, which have the stand-in's names.
  [[nodiscard]] RowRuns rows_for(const ModelSignature& signature, std::int64_t batch_size) const {
    const std::vector<TensorSpec>& known = order_.stand_in.signature().inputs;
    RowRuns runs;
    runs.stacked = stacked_;
    runs.batch_size = batch_size;
    for (const TensorSpec& input : signature.inputs) {
      const auto place = std::ranges::find(known, input.name, &TensorSpec::name);
      runs.inputs.push_back(rows_[static_cast<std::size_t>(place - known.begin())].view());
    }
    return runs;
  }

  Status compare(std::int64_t batch_size, StandInFindings& findings) {
    const ModelSignature& signature = order_.compiled.signature();
    const std::vector<TensorSpec>& known = order_.stand_in.signature().outputs;
    std::vector<OutputComparison> comparisons;
    std::vector<double> tolerances;
    for (const TensorSpec& output : signature.outputs) {
      const auto place = std::ranges::find(known, output.name, &TensorSpec::name);
      tolerances.push_back(
          order_.tolerance.value_or(usual_tolerance(order_.compiled.precision(), output.type)));
      comparisons.emplace_back(references_[static_cast<std::size_t>(place - known.begin())],
                               tolerances.back());
    }
    MUSTER_RETURN_IF_ERROR(
        run_rows(*compiled_, signature, rows_for(signature, batch_size),
                 [&](std::int64_t row, std::size_t output, const TensorView& given) {
                   if (order_.give_up.stop_requested()) return given_up();
                   return comparisons[output].add(row, given);
                 }));
    double nearest = -1;
    for (std::size_t i = 0; i < comparisons.size(); ++i) {
      const OutputFindings found = comparisons[i].findings();
      const std::string& name = signature.outputs[i].name;
      if (!found.within_tolerance()) {
        findings.difference = difference_text(name, batch_size, found, tolerances[i]);
        return {};
      }
      const double part = found.exact || tolerances[i] <= 0 ? 0 : found.max_rel / tolerances[i];
      if (part <= nearest) continue;
      nearest = part;
      findings.nearest = fmt::format("output '{}' by {:.2g} of a tolerance of {:g}",
                                     printable(name), found.max_rel, tolerances[i]);
    }
    return {};
  }

  static std::string difference_text(const std::string& output, std::int64_t batch_size,
                                     const OutputFindings& found, double tolerance) {
    const FirstDifference& first = *found.first;
    const std::string limit =
        found.exact || first.of_shape
            ? std::string()
            : fmt::format(", by up to {:.2g} where {:g} is tolerated", found.max_rel, tolerance);
    return fmt::format(
        "output '{}' differs in {} of {} elements of batches of {}{}: {} expected, "
        "{} given",
        printable(output), found.differing, found.elements, batch_size, limit, first.expected.text,
        first.given.text);
  }

  const StandInCheck& order_;
  const bool stacked_;
  std::unique_ptr<Session> stand_in_;
  std::unique_ptr<Session> compiled_;
  std::vector<Tensor> rows_;                 // by the stand-in's inputs
  std::vector<OutputReference> references_;  // by its outputs
};

}  // namespace

Result<StandInFindings> check_stand_in(const StandInCheck& check) {
  return Check(check).run();
}

}  // namespace muster
