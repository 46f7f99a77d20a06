// SPDX-License-Identifier: Apache-2.0
#include "protocol/explanation_json.h"

#include <chrono>
#include <cmath>
#include <cstdint>
#include <utility>

#include "base/text.h"
#include "protocol/json/json_reader.h"
#include "protocol/json/json_writer.h"
#include "protocol/preparation_fields.h"

namespace muster {
namespace {

constexpr std::size_t kMaxDepth = 8;
using Milliseconds = std::chrono::duration<double, std::milli>;

double in_ms(std::chrono::nanoseconds length) {
  return Milliseconds(length).count();
}

void write_cost(JsonWriter& json, const BatchingExplanation::Cost& cost) {
  json.begin_object().key("rows").number(cost.rows).key("typical_ms").number(in_ms(cost.typical));
  if (cost.cautious.count() > 0) json.key("cautious_ms").number(in_ms(cost.cautious));
  json.key("batches").number(cost.batches).end_object();
}

void write_target(JsonWriter& json, const BatchingExplanation& explanation) {
  json.key("latency_target_ms").number(in_ms(explanation.latency_target));
  json.key("delivery_ms").number(in_ms(explanation.delivery));
  json.key("rows_per_second").number(explanation.rows_per_second);
  json.key("rows_per_second_at_most").number(explanation.rows_per_second_at_most);
  json.key("best_rows").number(explanation.best_rows);
  json.key("needed_rows").number(explanation.needed_rows);
  json.key("dropped").number(explanation.dropped);
  json.key("frozen_config").text(explanation.frozen_config);
}

// Reads the values that the explanation has, by their keys.
class ExplanationReader {
 public:
  explicit ExplanationReader(std::string_view json)
      : json_(json, kMaxDepth, "the server's explanation") {}

  Result<BatchingExplanation> read() {
    std::string_view key;
    if (json_.enter_object()) {
      while (json_.next_field(key)) {
        if (!read_value(key)) break;
      }
    }
    if (!json_.ok() || !json_.finish()) return json_.status();
    return std::move(explanation_);
  }

 private:
  bool read_value(std::string_view key) {
    BatchingExplanation& to = explanation_;
    if (key == "model_name") return read(to.name);
    if (key == "model_version") return read_version();
    if (key == "max_batch_size") return json_.read_int(to.max_batch_size);
    if (key == "merges") return json_.read_bool(to.merges);
    if (key == "max_queue_delay_ms") return read(to.max_queue_delay);
    if (key == "instances") return read_instances();
    if (key == "decision") return read(to.decision);
    if (key == "reason") return read(to.reason);
    if (key == "latency_target_ms") return read(to.latency_target);
    if (key == "delivery_ms") return read(to.delivery);
    if (key == "rows_per_second") return read(to.rows_per_second);
    if (key == "rows_per_second_at_most") return read(to.rows_per_second_at_most);
    if (key == "best_rows") return json_.read_int(to.best_rows);
    if (key == "needed_rows") return json_.read_int(to.needed_rows);
    if (key == "dropped") return json_.read_uint(to.dropped);
    if (key == "frozen_config") return read(to.frozen_config);
    if (key == "costs") return read_costs();
    if (key == "decisions") return read_decisions();
    if (key == "preparation") return read_preparation();
    return json_.skip_value();
  }

  bool read(std::string& text) {
    std::string_view value;
    if (!json_.read_string(value)) return false;
    text = value;
    return true;
  }
  bool read(double& number) {
    std::string_view token;
    bool integer = false;
    if (!json_.read_number(token, integer)) return false;
    const std::optional<double> value = parse_double(token);
    if (!value || !std::isfinite(*value)) return json_.fail("a number is out of range");
    number = *value;
    return true;
  }
  bool read(std::chrono::nanoseconds& length) {
    constexpr double kMost = 1e12;  // 30 years
    double ms = 0;
    if (!read(ms)) return false;
    if (ms < 0 || ms > kMost) return json_.fail("a length of time is out of range");
    length = std::chrono::round<std::chrono::nanoseconds>(Milliseconds(ms));
    return true;
  }
  bool read_version() {
    std::string text;
    if (!read(text)) return false;
    const std::optional<std::int64_t> version = parse_int(text);
    if (!version) return json_.fail("a version is no number");
    explanation_.version = *version;
    return true;
  }
  bool read_instances() {
    std::int64_t count = 0;
    if (!json_.read_int(count)) return false;
    if (count < 0 || count > (1 << 20)) return json_.fail("a number is out of range");
    explanation_.instance_count = static_cast<int>(count);
    return true;
  }
  bool read_costs() {
    if (!json_.enter_array()) return false;
    while (json_.next_element()) {
      BatchingExplanation::Cost cost;
      std::string_view key;
      if (!json_.enter_object()) return false;
      while (json_.next_field(key)) {
        const bool read_one = key == "rows"          ? json_.read_int(cost.rows)
                              : key == "typical_ms"  ? read(cost.typical)
                              : key == "cautious_ms" ? read(cost.cautious)
                              : key == "batches"     ? json_.read_uint(cost.batches)
                                                     : json_.skip_value();
        if (!read_one) return false;
      }
      explanation_.costs.push_back(cost);
    }
    return json_.ok();
  }
  bool read_decisions() {
    if (!json_.enter_object()) return false;
    std::string_view key;
    while (json_.next_field(key)) {
      BatchingExplanation::Count count{std::string(key), 0};
      if (!json_.read_uint(count.count)) return false;
      explanation_.decisions.push_back(std::move(count));
    }
    return json_.ok();
  }

  bool read_preparation() {
    if (!json_.enter_object()) return false;
    std::string_view key;
    while (json_.next_field(key)) {
      const std::string name(key);
      std::string text;
      if (!read(text)) return false;
      (void)read_preparation_field(name, text, explanation_.preparation);
    }
    return json_.ok();
  }

  JsonReader json_;
  BatchingExplanation explanation_;
};

}  // namespace

std::string explanation_json(const BatchingExplanation& explanation) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("model_name").text(explanation.name);
  json.key("model_version").text(std::to_string(explanation.version));
  json.key("max_batch_size").number(explanation.max_batch_size);
  json.key("merges").flag(explanation.merges);
  json.key("max_queue_delay_ms").number(in_ms(explanation.max_queue_delay));
  json.key("instances").number(explanation.instance_count);
  json.key("decision").text(explanation.decision).key("reason").text(explanation.reason);
  if (explanation.latency_target.count() > 0) write_target(json, explanation);
  json.key("costs").begin_array();
  for (const BatchingExplanation::Cost& cost : explanation.costs)
    write_cost(json, cost);
  json.end_array().key("decisions").begin_object();
  for (const BatchingExplanation::Count& count : explanation.decisions)
    json.key(count.reason).number(count.count);
  json.end_object();
  if (const PreparationFields fields = preparation_fields(explanation.preparation);
      !fields.empty()) {
    json.key("preparation").begin_object();
    for (const auto& [name, text] : fields)
      json.key(name).text(text);
    json.end_object();
  }
  json.end_object();
  return out;
}

Result<BatchingExplanation> parse_explanation(std::string_view json) {
  return ExplanationReader(json).read();
}

}  // namespace muster
