// SPDX-License-Identifier: Apache-2.0
#include "model_config/model_config.h"

#include <optional>
#include <utility>

#include <fmt/format.h>
#include <google/protobuf/io/tokenizer.h>

#include "base/text.h"
#include "model_config/check_fields.h"
#include "model_config/json_override.h"
#include "model_config/parsed_parts.h"
#include "model_config/reading/read_fields.h"
#include "model_config/syntax_errors.h"

namespace muster {
namespace {

// Keeps the first error: what the parser says after it is mostly a consequence.
class FirstError final : public google::protobuf::io::ErrorCollector {
 public:
  explicit FirstError(std::string_view text) : text_(text) {}

  void AddError(int line, int column, const std::string& message) override {
    if (!error_) error_ = explain_syntax_error(text_, line, column, message);
  }
  [[nodiscard]] const std::optional<SyntaxError>& error() const noexcept { return error_; }

 private:
  std::string_view text_;
  std::optional<SyntaxError> error_;
};

Status parse_text(std::string_view text, ParsedConfig::Parts& parts, Problems& problems) {
  FirstError errors(text);
  google::protobuf::TextFormat::Parser parser;
  parser.RecordErrorsTo(&errors);
  parser.WriteLocationsTo(&parts.lines);
  parser.SetRecursionLimit(kMaxConfigDepth);
  const bool parsed = parser.ParseFromString(std::string(text), &parts.text);
  if (parsed && !errors.error()) return {};

  const SyntaxError error = errors.error().value_or(SyntaxError{0, "is no text-format protobuf"});
  problems.add(error.line, error.text);
  return problems.status();
}

Result<ParsedConfig> check(std::unique_ptr<ParsedConfig::Parts> parts,
                           std::string_view directory_name, Problems problems) {
  if (check_fields(parts->located(), problems)) read_fields(directory_name, *parts, problems);
  MUSTER_RETURN_IF_ERROR(problems.status());
  parts->config.warnings = problems.take_warnings();
  return ParsedConfig(std::move(parts));
}

}  // namespace

ParsedConfig::ParsedConfig(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
ParsedConfig::ParsedConfig(ParsedConfig&&) noexcept = default;
ParsedConfig& ParsedConfig::operator=(ParsedConfig&&) noexcept = default;
ParsedConfig::~ParsedConfig() = default;

const ModelConfig& ParsedConfig::config() const noexcept {
  return parts_->config;
}

Result<ParsedConfig> parse_model_config(std::string_view text, const ParseContext& context) {
  Problems problems(context.file, context.remarks);
  if (text.size() > kMaxConfigBytes) {
    problems.add(
        0, fmt::format("{} bytes are more than the limit of {}", text.size(), kMaxConfigBytes));
    return problems.status();
  }
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);  // some editors' byte order mark

  auto parts = std::make_unique<ParsedConfig::Parts>();
  parts->given = true;
  parts->lines_known = true;
  parts->config.config_file = context.file;
  MUSTER_RETURN_IF_ERROR(parse_text(text, *parts, problems));
  return check(std::move(parts), context.directory_name, std::move(problems));
}

Result<ParsedConfig> put_above(const ParsedConfig& below, std::string_view json,
                               const ParseContext& context) {
  auto parts = std::make_unique<ParsedConfig::Parts>();
  parts->given = below.parts().given;
  parts->text = below.parts().text;
  parts->config.config_file = context.file;
  Problems problems(context.file, context.remarks);
  if (const Status put = put_json_above(json, parts->text); !put.ok()) {
    problems.add(0, std::string(put.message()));
    return problems.status();
  }
  return check(std::move(parts), context.directory_name, std::move(problems));
}

ParsedConfig no_model_config(std::string name) {
  auto parts = std::make_unique<ParsedConfig::Parts>();
  parts->config.name = std::move(name);
  return ParsedConfig(std::move(parts));
}

}  // namespace muster
