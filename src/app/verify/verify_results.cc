// SPDX-License-Identifier: Apache-2.0
#include "app/verify/verify_results.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "app/result_writer.h"
#include "app/subject/row_shapes.h"
#include "base/text.h"
#include "comparing/usual_tolerance.h"

namespace muster {
namespace {

std::string place_text(const FirstDifference& first) {
  return fmt::format("[{}]", fmt::join(first.element, ","));
}

std::string json_number(double value) {
  return std::isfinite(value) ? fmt::format("{:.6g}", value) : "null";
}

std::string json_element(const ElementText& element) {
  return element.numeric ? element.text : json_string(element.text);
}

// Null where nobody told.
std::string json_precision(const std::string& precision) {
  return precision.empty() ? "null" : json_string(precision);
}

std::string json_first(const std::optional<FirstDifference>& first) {
  if (!first) return "null";
  return fmt::format(R"({{"row":{},"element":{},"expected":{},"given":{}}})", first->row,
                     first->of_shape ? "null" : place_text(*first), json_element(first->expected),
                     json_element(first->given));
}

std::string json_line(const VerifyRow& row) {
  const OutputFindings& found = row.found;
  const auto error = [&](double value) { return found.exact ? "null" : json_number(value); };
  return fmt::format(
      R"({{"backend":{},"precision":{},"computed_in":{},"batch_size":{},"output":{},"max_abs_error":{},)"
      R"("mean_abs_error":{},"max_rel_error":{},"mean_rel_error":{},"tolerance":{},"elements":{},)"
      R"("differing":{},"top1_agreement":{},"top1_choices":{},"within_tolerance":{},)"
      R"("first_difference":{}}})"
      "\n",
      json_string(row.backend), json_precision(row.precision),
      json_precision(row.computed_in.empty() ? row.precision : row.computed_in), row.batch_size,
      json_string(row.output), error(found.max_abs), error(found.mean_abs), error(found.max_rel),
      error(found.mean_rel), json_number(row.tolerance), found.elements, found.differing,
      found.agreement() ? json_number(*found.agreement()) : "null",
      found.agreement() ? std::to_string(found.choices) : "null", found.within_tolerance(),
      json_first(found.first));
}

std::string table_difference(const VerifyRow& row) {
  const FirstDifference& first = *row.found.first;
  const std::string where = first.of_shape ? "" : ", element " + place_text(first);
  return fmt::format(
      "  {} of {} elements differ; the first: row {}, output '{}'{}: {} expected, {} given\n",
      row.found.differing, row.found.elements, first.row, printable(row.output), where,
      first.expected.text, first.given.text);
}

// "bf16", or "f16 (bf16)" where the processor has no f16.
std::string precision_text(const VerifyRow& row) {
  const std::string asked = row.precision.empty() ? "-" : printable(row.precision);
  if (row.computed_in.empty() || row.computed_in == row.precision) return asked;
  return asked + " (" + printable(row.computed_in) + ")";
}

std::string table_line(const VerifyRow& row, std::size_t name_width) {
  const OutputFindings& found = row.found;
  const auto error = [&](double value) {
    return found.exact ? std::string("-") : fmt::format("{:.2e}", value);
  };
  const std::string agreement =
      found.agreement() ? fmt::format("{}/{}", found.agreeing_rows, found.scored_rows) : "-";
  std::string line = fmt::format(
      "{:<{}} {:<11} {:>10} {:<16} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}  {}\n",
      printable(row.backend), name_width, precision_text(row), row.batch_size,
      printable(row.output), error(found.max_abs), error(found.mean_abs), error(found.max_rel),
      error(found.mean_rel), found.exact ? "exact" : fmt::format("{:.0e}", row.tolerance),
      agreement, found.within_tolerance() ? "ok" : "DIFFERS");
  if (!found.within_tolerance()) line += table_difference(row);
  return line;
}

}  // namespace

Result<Tolerances> Tolerances::parse(const std::vector<std::string>& texts) {
  Tolerances tolerances;
  for (const std::string& text : texts) {
    const NamedText parts = split_name(text);
    const bool named = is_precision(parts.name);
    const std::optional<double> value = parse_double(named ? parts.rest : std::string_view(text));
    if (!value || *value < 0) {
      return invalid_argument("--tolerance '" + printable(text) +
                              "': expected a number of at least 0, as in 1e-4, or one for a "
                              "precision, as in bf16:0.1");
    }
    if (!named) tolerances.given_.clear();
    tolerances.given_.insert_or_assign(named ? std::string(parts.name) : std::string(), *value);
  }
  return tolerances;
}

double Tolerances::of(std::string_view precision, DataType type) const {
  auto given = given_.find(precision);
  if (given == given_.end()) given = given_.find("");
  if (given != given_.end()) return given->second;
  return usual_tolerance(precision, type);
}

std::string verify_header(VerifyFormat format, std::size_t name_width) {
  if (format == VerifyFormat::kJson) return "";
  return fmt::format("{:<{}} {:<11} {:>10} {:<16} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}\n", "backend",
                     name_width, "precision", "batch_size", "output", "max_abs", "mean_abs",
                     "max_rel", "mean_rel", "tolerance", "top-1");
}

std::string verify_line(VerifyFormat format, const VerifyRow& row, std::size_t name_width) {
  return format == VerifyFormat::kJson ? json_line(row) : table_line(row, name_width);
}

std::string describe_miss(const VerifyMiss& miss) {
  std::string text = printable(miss.backend);
  if (!miss.precision.empty()) text += ' ' + printable(miss.precision);
  if (miss.batch_size > 0) text += fmt::format(", batch size {}", miss.batch_size);
  return text + ": " + miss.reason;
}

}  // namespace muster
