// SPDX-License-Identifier: Apache-2.0
#include "backends/scripted/scripted_backend.h"

#include <array>
#include <chrono>
#include <fstream>
#include <vector>

#include "backends/scripted/session.h"
#include "base/text.h"

namespace muster::scripted {
namespace {

constexpr double kMaxDelayMs = 3'600'000;
constexpr double kMaxMultiplier = 1'000'000;
constexpr std::array<std::string_view, 3> kParameters = {
    "execute_delay_ms", "instance_wise_delay_multiplier", "creation_delay_sec"};

std::string place_of(const ModelConfig& config, std::string_view name) {
  constexpr std::size_t kMaxPlaceBytes = 1000;
  return printable(config.parameter_place(name), kMaxPlaceBytes);
}

Result<double> read_number(const ModelConfig& config, std::string_view name, std::string_view text,
                           double highest) {
  const std::optional<double> value = parse_double(text);
  if (value && *value >= 0 && *value <= highest) return *value;
  return invalid_argument(place_of(config, name) + " is '" + printable(text) + "'; expected 0 to " +
                          std::to_string(static_cast<std::int64_t>(highest)));
}

std::chrono::milliseconds milliseconds(double value) {
  return std::chrono::milliseconds(static_cast<std::int64_t>(value));
}

Result<Delays> read_delays(const ModelConfig& config) {
  Delays delays;
  for (const auto& [name, text] : config.parameters) {
    if (name == kParameters[0]) {
      MUSTER_ASSIGN_OR_RETURN(const double value, read_number(config, name, text, kMaxDelayMs));
      delays.execute = milliseconds(value);
    } else if (name == kParameters[1]) {
      MUSTER_ASSIGN_OR_RETURN(const double value, read_number(config, name, text, kMaxMultiplier));
      delays.instance_multiplier = static_cast<std::int64_t>(value);
    } else if (name == kParameters[2]) {
      MUSTER_ASSIGN_OR_RETURN(const double value,
                              read_number(config, name, text, kMaxDelayMs / 1000));
      delays.creation = milliseconds(value * 1000);
    } else {
      const std::string_view near = nearest(name, kParameters);
      return invalid_argument(place_of(config, name) + " is unknown to the scripted backend; " +
                              (near.empty() ? "docs/backends.md lists those that it takes"
                                            : "did you mean '" + std::string(near) + "'?"));
    }
  }
  return delays;
}

// Without a file the configuration may say what there is, as it does for Triton's `identity`.
Script script_without_file(const ModelConfig* config) {
  Script script = identity_script();
  if (config != nullptr && !config->inputs.empty() && !config->outputs.empty()) {
    script.signature = {config->inputs, config->outputs};
  }
  return script;
}

Result<Script> read_script(const std::string& file, const ModelConfig* config) {
  if (file.empty()) return script_without_file(config);
  std::ifstream stream(file, std::ios::binary);
  std::string text(kMaxScriptBytes + 1, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (stream.bad() || (!stream.eof() && stream.fail())) {
    return not_found("it cannot be read");
  }
  text.resize(static_cast<std::size_t>(stream.gcount()));
  return parse_script(text);
}

}  // namespace

Result<std::shared_ptr<const CompiledModel>> ScriptedBackend::load(const ModelSource& source) {
  const std::string subject = source.file.empty() ? "scripted model" : printable(source.file);
  Result<Script> script = script_ ? *script_ : read_script(source.file, source.config);
  if (!script.ok()) return script.status().with_context(subject);
  Delays delays;
  if (source.config != nullptr) {
    Result<Delays> read = read_delays(*source.config);
    if (!read.ok() && !source.config->config_file.empty()) return read.status();
    if (!read.ok()) return read.status().with_context(subject);
    delays = *read;
  }
  sleep_on(*clock_, delays.creation);
  if (!script->fail_load.empty()) {
    return invalid_argument(script->fail_load).with_context(subject);
  }
  return std::shared_ptr<const CompiledModel>(
      std::make_shared<ScriptedModel>(std::move(script).value(), delays, stage_, *clock_));
}

}  // namespace muster::scripted
