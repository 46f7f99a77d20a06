// SPDX-License-Identifier: Apache-2.0
#include "backends/scripted/scripted_backend.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>
#include <vector>

#include <sys/stat.h>

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

std::string subject_of(const ModelSource& source) {
  return source.file.empty() ? "scripted model" : printable(source.file);
}

// Scripts that say the same of their preparation share what was prepared; it is a play.
std::string prepared_file(const ModelSource& source, const Script& script) {
  const std::string name = "scripted-" + std::to_string(script.prepare.count()) + "-" +
                           std::to_string(script.prepare_steps) + ".prepared";
  return (std::filesystem::path(source.compiled_cache) / name).string();
}

bool is_prepared(const ModelSource& source, const Script& script) {
  std::error_code error;
  return !source.compiled_cache.empty() &&
         std::filesystem::exists(prepared_file(source, script), error);
}

Status prepare(const Script& script, Clock& clock, CompileListener& listener) {
  for (int step = 0; step < script.prepare_steps; ++step) {
    const double done = static_cast<double>(step) / script.prepare_steps;
    const auto left = script.prepare * (script.prepare_steps - step) / script.prepare_steps;
    if (!listener.on_progress({"step " + std::to_string(step + 1), done,
                               std::chrono::ceil<std::chrono::seconds>(left)}))
      return {StatusCode::kCancelled, "its preparation was given up"};
    sleep_on(clock, script.prepare / script.prepare_steps);
  }
  return script.fail_prepare.empty() ? Status() : internal_error(script.fail_prepare);
}

// The folder is made where there is none, and is its owner's alone, as with any backend: the server
// starts with one that is only named.
Status keep_prepared(const ModelSource& source, const Script& script) {
  if (::mkdir(source.compiled_cache.c_str(), 0700) != 0 && errno != EEXIST) {
    return failed_precondition(printable(source.compiled_cache) +
                               " cannot be created: " + std::generic_category().message(errno));
  }
  std::ofstream file(prepared_file(source, script), std::ios::binary);
  file << "prepared";
  file.close();
  return file ? Status() : failed_precondition("what was prepared cannot be written");
}

class Unwatched final : public CompileListener {
 public:
  bool on_progress(const CompileProgress& /*progress*/) override { return true; }
};

}  // namespace

Result<Script> ScriptedBackend::script_for(const ModelSource& source) const {
  Result<Script> script = script_ ? *script_ : read_script(source.file, source.config);
  if (script.ok()) return script;
  return script.status().with_context(subject_of(source));
}

Result<std::shared_ptr<const CompiledModel>> ScriptedBackend::load(const ModelSource& source) {
  const std::string subject = subject_of(source);
  MUSTER_ASSIGN_OR_RETURN(Script script, script_for(source));
  Delays delays;
  if (source.config != nullptr) {
    Result<Delays> read = read_delays(*source.config);
    if (!read.ok() && !source.config->config_file.empty()) return read.status();
    if (!read.ok()) return read.status().with_context(subject);
    delays = *read;
  }
  sleep_on(*clock_, delays.creation);
  if (!script.fail_load.empty()) {
    return invalid_argument(script.fail_load).with_context(subject);
  }
  // As with any backend, what was not prepared is while it loads, seen by nobody.
  if (script.prepare_steps > 0 && !is_prepared(source, script)) {
    Unwatched listener;
    MUSTER_RETURN_IF_ERROR(prepare(script, *clock_, listener).with_context(subject));
  }
  return std::shared_ptr<const CompiledModel>(
      std::make_shared<ScriptedModel>(std::move(script), delays, stage_, *clock_));
}

Result<bool> ScriptedBackend::must_compile(const ModelSource& source) {
  MUSTER_ASSIGN_OR_RETURN(const Script script, script_for(source));
  return script.prepare_steps > 0 && !is_prepared(source, script);
}

Result<CompiledFile> ScriptedBackend::compile(const ModelSource& source, const std::string& output,
                                              CompileListener& listener) {
  MUSTER_ASSIGN_OR_RETURN(const Script script, script_for(source));
  if (script.prepare_steps == 0 || source.compiled_cache.empty() || !output.empty())
    return unimplemented("scripted models are prepared into a cache alone, if they must be");
  if (is_prepared(source, script)) return CompiledFile{};
  MUSTER_RETURN_IF_ERROR(prepare(script, *clock_, listener).with_context(subject_of(source)));
  MUSTER_RETURN_IF_ERROR(keep_prepared(source, script));
  return CompiledFile{"", 8, std::chrono::duration_cast<std::chrono::milliseconds>(script.prepare),
                      "prepared"};
}

Status ScriptedBackend::forget_compiled(const ModelSource& source) {
  MUSTER_ASSIGN_OR_RETURN(const Script script, script_for(source));
  std::error_code error;
  std::filesystem::remove(prepared_file(source, script), error);
  return error ? failed_precondition("what was prepared cannot be removed: " + error.message())
               : Status();
}

}  // namespace muster::scripted
