// SPDX-License-Identifier: Apache-2.0
#include "load_generation/loadgen_log.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>

#include "base/text.h"
#include "protocol/json/json_reader.h"

namespace muster {
namespace {

constexpr std::string_view kLineBegin = ":::MLLOG ";
constexpr std::size_t kMostDepth = 16;
constexpr std::size_t kMostReasonBytes = 500;
constexpr std::string_view kEarlyStopping = "early_stopping_result";

// Text as it is, numbers as they stand.
using Results = std::map<std::string, std::string, std::less<>>;

void read_line(std::string_view line, Results& results) {
  JsonReader json(line, kMostDepth, "LoadGen's log");
  std::string name;
  std::string value;
  std::string_view key;
  std::string_view text;
  if (!json.enter_object()) return;
  while (json.next_field(key)) {
    if (key == "key" && json.read_string(text)) {
      name = text;
    } else if (key == "value" && json.next_kind() == JsonKind::kString) {
      if (json.read_string(text)) value = text;
    } else if (key == "value") {
      if (json.skip_value(text, true)) value = text;
    } else if (!json.skip_value(true)) {
      return;
    }
  }
  // The last one counts.
  if (json.ok() && (name.starts_with("result_") || name == kEarlyStopping)) results[name] = value;
}

Results read_lines(std::string_view log) {
  Results results;
  while (!log.empty()) {
    const std::string_view line = log.substr(0, log.find('\n'));
    log.remove_prefix(std::min(line.size() + 1, log.size()));
    if (line.starts_with(kLineBegin)) read_line(line.substr(kLineBegin.size()), results);
  }
  return results;
}

class Numbers {
 public:
  explicit Numbers(const Results& results) : results_(results) {}

  double operator()(const std::string& name) {
    const auto found = results_.find("result_" + name);
    const auto number = found == results_.end() ? std::nullopt : parse_double(found->second);
    if (!number && missing_.empty()) missing_ = name;
    return number.value_or(0);
  }
  [[nodiscard]] Status status() const {
    if (missing_.empty()) return {};
    return internal_error("LoadGen tells no result_" + missing_);
  }

 private:
  const Results& results_;
  std::string missing_;
};

// The words, without the marks of a list and what parts its lines.
std::string in_one_line(std::string_view text) {
  std::string words;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find_first_of(" \n"));
    text.remove_prefix(std::min(word.size() + 1, text.size()));
    if (!word.empty() && word != "*") (words += words.empty() ? "" : " ") += word;
  }
  return words;
}

// LoadGen gives a reason for what it lays down itself; where too few samples came for its
// statistics alone, it tells that elsewhere.
std::string reason_of(const Results& results) {
  const auto word = [&](std::string_view name) {
    const auto found = results.find(name);
    return found == results.end() ? std::string() : in_one_line(found->second);
  };
  if (std::string reason = word("result_invalid_reason"); !reason.empty()) return reason;
  const std::string early = word(kEarlyStopping);
  return early.empty() ? "it gives no reason"
                       : "too few samples for its early stopping, give more --seconds: " + early;
}

}  // namespace

Status read_loadgen_results(std::string_view log, Scenario scenario, int samples_per_query,
                            ScenarioMeasurement& measured) {
  const Results results = read_lines(log);
  Numbers number(results);
  const bool by_query = scenario == Scenario::kMultiStream;
  const std::string latency = by_query ? "per_query_latency_ns" : "latency_ns";
  constexpr double kNanosecondsInMs = 1e6;
  measured.mean_ms =
      number(by_query ? "mean_query_latency_ns" : "mean_latency_ns") / kNanosecondsInMs;
  measured.p50_ms = number("50.00_percentile_" + latency) / kNanosecondsInMs;
  measured.p90_ms = number("90.00_percentile_" + latency) / kNanosecondsInMs;
  measured.p99_ms = number("99.00_percentile_" + latency) / kNanosecondsInMs;
  switch (scenario) {
    case Scenario::kOffline:
      measured.samples_per_second = number("samples_per_second");
      break;
    case Scenario::kServer:
      measured.samples_per_second = number("completed_samples_per_sec");
      break;
    case Scenario::kSingleStream:
      measured.samples_per_second = number("qps_with_loadgen_overhead");
      break;
    case Scenario::kMultiStream:
      if (measured.mean_ms > 0)
        measured.samples_per_second = 1000 * samples_per_query / measured.mean_ms;
  }
  MUSTER_RETURN_IF_ERROR(number.status());
  const auto validity = results.find("result_validity");
  if (validity == results.end()) return internal_error("LoadGen tells no result_validity");
  measured.valid = validity->second == "VALID";
  measured.invalid_reason = measured.valid ? "" : printable(reason_of(results), kMostReasonBytes);
  return {};
}

}  // namespace muster
