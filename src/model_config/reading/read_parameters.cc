// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <cmath>
#include <cstdint>
#include <map>
#include <optional>
#include <set>

#include <fmt/format.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include "base/text.h"
#include "model_config/backend_names.h"
#include "model_config/reading/read_fields.h"

namespace muster {
namespace {

constexpr std::string_view kGraphLevel = "session.graph_level";

void read_activation(const std::string& value, int line, ModelConfig& config, Problems& problems) {
  if (value != "softmax" && value != "none" && value != "auto") {
    problems.add(line, fmt::format("parameter 'classification.activation' is '{}'; it must be "
                                   "softmax, none or auto",
                                   printable(value)));
    return;
  }
  config.activation = value;
}

constexpr double kLeastTargetMs = 0.1;

void read_latency_target(const std::string& value, int line, ModelConfig& config,
                         Problems& problems) {
  constexpr double kMostMs = std::chrono::duration<double, std::milli>(kMaxQueueWait).count();
  const std::optional<double> ms = parse_double(value);
  if (!ms || !(*ms >= kLeastTargetMs && *ms <= kMostMs)) {
    problems.add(line, fmt::format("parameter '{}' is '{}'; it must be a number of milliseconds, "
                                   "{} to {:.0f}, such as 20",
                                   kLatencyTargetKey, printable(value), kLeastTargetMs, kMostMs));
    return;
  }
  config.batching.latency_target =
      std::chrono::microseconds(static_cast<std::int64_t>(std::llround(*ms * 1000)));
}

// What a latency target decides is not to be said by hand beside it.
void check_latency_target(const ParsedConfig::Parts& parts, Problems& problems) {
  if (parts.config.batching.latency_target.count() == 0) return;
  const ::inference::ModelDynamicBatching& dynamic = parts.text.dynamic_batching();
  const auto refuse = [&](std::string_view field) {
    problems.add(parts.located().nested("dynamic_batching").line(field),
                 fmt::format("{} and parameter '{}' are both given: with a latency target, waits "
                             "and sizes follow from what batches cost; keep one of the two",
                             field, kLatencyTargetKey));
  };
  if (dynamic.max_queue_delay_microseconds() > 0) refuse("max_queue_delay_microseconds");
  if (dynamic.preferred_batch_size_size() > 0) refuse("preferred_batch_size");
}

bool is_of_stand_in(std::string_view key) {
  return key == kBuildKey || key == kFallbackKey || key == kToleranceKey;
}

void read_stand_in(const std::string& key, const std::string& value, int line,
                   StandInOptions& options, Problems& problems) {
  const auto refuse = [&](std::string_view expected) {
    problems.add(line, fmt::format("parameter '{}' is '{}'; it must be {}", key, printable(value),
                                   expected));
  };
  if (key == kBuildKey) {
    if (value != "aside" && value != "first") return refuse("aside or first");
    options.aside = value == "aside";
  } else if (key == kFallbackKey) {
    if (!is_backend_name(value)) return refuse("the name of a backend, such as onnxruntime");
    options.fallback_backend = canonical_backend(value);
  } else {
    const std::optional<double> tolerance = parse_double(value);
    if (!tolerance || !(*tolerance >= 0 && *tolerance <= 1))
      return refuse("a part of what an output should be, 0 to 1, such as 0.02");
    options.tolerance = tolerance;
  }
}

// Where nothing is compiled first, nothing stands in.
void check_stand_in(const ParsedConfig::Parts& parts, const std::map<std::string, int>& said,
                    Problems& problems) {
  const std::string& backend = parts.config.backend;
  const std::string& fallback = parts.config.stand_in.fallback_backend;
  for (const auto& [key, line] : said) {
    if (backend == "onnxruntime" || backend == "openvino") {
      problems.warn(line, fmt::format("parameter '{}' has no effect: the {} backend loads a model "
                                      "without compiling it for minutes; remove it",
                                      key, backend));
    } else if (key == kFallbackKey && !backend.empty() && fallback == backend) {
      problems.add(line, fmt::format("parameter '{}' is the model's own backend; name another "
                                     "one, such as onnxruntime",
                                     key));
    }
  }
}

void read_parameter(const std::string& key, const std::string& value, int line,
                    ParsedConfig::Parts& parts, Problems& problems) {
  if (key.starts_with("image.")) {
    read_image_parameter(key, value, line, parts.image, problems);
  } else if (key == kLatencyTargetKey) {
    read_latency_target(value, line, parts.config, problems);
  } else if (is_of_stand_in(key)) {
    read_stand_in(key, value, line, parts.config.stand_in, problems);
  } else if (key == "classification.activation") {
    read_activation(value, line, parts.config, problems);
  } else if (key.starts_with("classification.")) {
    problems.add(line, fmt::format("unknown parameter '{}'; the only one of this kind is "
                                   "'classification.activation'",
                                   printable(key)));
  } else {
    parts.config.parameters[key] = value;
    parts.config.parameter_lines[key] = line;
  }
}

void read_graph_level(ParsedConfig::Parts& parts, Problems& problems) {
  const ::inference::ModelOptimizationPolicy& optimization = parts.text.optimization();
  if (!optimization.graph().has_level()) return;
  const int level = optimization.graph().level();
  const int line = parts.located().nested("optimization").nested("graph").line("level");
  if (level < -1 || level > 2) {
    problems.add(line,
                 fmt::format("optimization.graph.level is {}; it must be -1 (basic), 0 (all), "
                             "1 (extended) or 2 (none)",
                             level));
    return;
  }
  if (parts.config.backend == "openvino") {
    problems.add(line,
                 "optimization.graph.level is ONNX Runtime's, and the openvino backend has "
                 "none; remove it");
    return;
  }
  if (parts.config.parameters.contains(kGraphLevel)) {
    problems.add(line, fmt::format("optimization.graph.level and parameter '{}' say the same "
                                   "thing; keep one",
                                   kGraphLevel));
    return;
  }
  parts.config.parameters.emplace(kGraphLevel, std::to_string(level));
  parts.config.parameter_lines.emplace(kGraphLevel, line);
}

}  // namespace

void read_parameters(ParsedConfig::Parts& parts, Problems& problems) {
  // By reflection: the generated map has forgotten the order, the lines and what came twice.
  const Located at = parts.located();
  const google::protobuf::FieldDescriptor& field =
      *::inference::ModelConfig::descriptor()->FindFieldByName("parameters");
  const google::protobuf::FieldDescriptor& key_field = *field.message_type()->map_key();
  const int count = parts.text.GetReflection()->FieldSize(parts.text, &field);
  std::set<std::string> seen;
  std::map<std::string, int> of_stand_in;  // their lines
  for (int i = 0; i < count; ++i) {
    const int line = at.line(field, i);
    const Located entry = at.nested(field, i);
    const google::protobuf::Message& message = entry.message();
    const std::string key = message.GetReflection()->GetString(message, &key_field);
    const Located value = entry.nested(*field.message_type()->map_value());
    const auto& parameter = static_cast<const ::inference::ModelParameter&>(value.message());
    if (key.empty()) {
      problems.add(line, "a parameter has no key");
    } else if (!seen.insert(key).second) {
      problems.add(line, fmt::format("parameter '{}' is given twice; keep one", printable(key)));
    } else if (!parameter.has_string_value()) {
      problems.add(line, fmt::format("parameter '{}' has no value; write value {{ string_value: "
                                     "\"...\" }}",
                                     printable(key)));
    } else {
      if (is_of_stand_in(key)) of_stand_in.emplace(key, line);
      read_parameter(key, parameter.string_value(), line, parts, problems);
    }
  }
  read_graph_level(parts, problems);
  check_latency_target(parts, problems);
  check_stand_in(parts, of_stand_in, problems);
}

}  // namespace muster
