// SPDX-License-Identifier: Apache-2.0
#include "app/doctor/config_text.h"

#include <algorithm>
#include <cstdint>
#include <optional>

#include "base/text.h"
#include "model_config/field_rules.h"

namespace muster {
namespace {

bool is_name_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// The names of fields and values in a configuration's text, with the lines they stand on.
class Words {
 public:
  explicit Words(std::string_view text) : rest_(text) {}

  [[nodiscard]] std::string_view next() {
    while (!rest_.empty()) {
      const char c = rest_.front();
      if (c == '\n') ++line_;
      if (c == '#') {
        rest_.remove_prefix(std::min(rest_.find('\n'), rest_.size()));
      } else if (c == '"' || c == '\'') {
        skip_text(c);
      } else if (is_name_letter(c)) {
        const auto* end = std::ranges::find_if_not(rest_, is_name_letter);
        const std::string_view word =
            rest_.substr(0, static_cast<std::size_t>(end - rest_.begin()));
        rest_.remove_prefix(word.size());
        return word;
      } else {
        rest_.remove_prefix(1);
      }
    }
    return {};
  }
  [[nodiscard]] int line() const noexcept { return line_; }

 private:
  void skip_text(char quote) {
    std::size_t at = 1;
    while (at < rest_.size() && rest_[at] != quote && rest_[at] != '\n')
      at += rest_[at] == '\\' ? std::size_t{2} : std::size_t{1};
    at = std::min(at, rest_.size());
    // A text that is not closed ends with its line.
    const bool closed = at < rest_.size() && rest_[at] == quote;
    rest_.remove_prefix(closed ? at + 1 : at);
  }

  std::string_view rest_;
  int line_ = 1;
};

// A field's whole path, or the last part of one.
bool is_field(std::string_view word) {
  return std::ranges::any_of(field_rules(), [&](const FieldRule& rule) {
    const std::size_t dot = rule.path.rfind('.');
    return rule.path == word ||
           (dot != std::string_view::npos && rule.path.substr(dot + 1) == word);
  });
}

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (prefix.empty() || !text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

// "12: " in front of a message.
int take_line(std::string_view& text) {
  const std::size_t end = text.find(": ");
  if (end == std::string_view::npos) return 0;
  const std::optional<std::int64_t> line = parse_int(text.substr(0, end));
  if (!line || *line < 1) return 0;
  text.remove_prefix(end + 2);
  return static_cast<int>(std::min<std::int64_t>(*line, 1 << 30));
}

}  // namespace

int line_of_field(std::string_view config_text, std::string_view field) {
  Words words(config_text);
  for (std::string_view word = words.next(); !word.empty(); word = words.next()) {
    if (word == field) return words.line();
  }
  return 0;
}

std::string field_of(std::string_view message, std::string_view config_text, int line) {
  const std::size_t end = std::min(message.find_first_of(" :"), message.size());
  const std::string_view first = message.substr(0, end);
  if (is_field(first)) return std::string(first);
  Words words(config_text);
  for (std::string_view word = words.next(); !word.empty(); word = words.next()) {
    if (words.line() == line) return std::string(word);
  }
  return {};
}

Finding finding_of(std::string_view message, std::string_view otherwise) {
  Finding finding;
  // "dims [-1,4]: drop the leading -1: why", "unknown field 'x' (did you mean 'y'?)",
  // "what; did you mean 'y'?", "what; fix"
  constexpr std::string_view kDrop = ": drop the leading ";
  constexpr std::string_view kMeant = "did you mean '";
  const std::size_t drop = message.find(kDrop);
  const std::size_t meant = message.find(kMeant);
  const std::size_t semicolon = message.find("; ");
  if (drop != std::string_view::npos) {
    finding.what = message.substr(0, drop);
    finding.fix = message.substr(drop + 2);
  } else if (meant != std::string_view::npos && meant >= 2) {
    finding.what = message.substr(0, meant - 2);
    const std::string_view name = message.substr(meant + kMeant.size());
    finding.fix = "write '" + std::string(name.substr(0, name.find('\''))) + "'";
  } else if (semicolon != std::string_view::npos) {
    finding.what = message.substr(0, semicolon);
    finding.fix = message.substr(semicolon + 2);
  } else {
    finding.what = message;
    finding.fix = otherwise;
  }
  return finding;
}

Finding finding_of(const ConfigRemark& remark, const std::string& config_file,
                   std::string_view config_text) {
  std::string field = field_of(remark.text, config_text, remark.line);
  Finding finding =
      finding_of(remark.text, field.empty() ? "change it as it says" : "change or remove " + field);
  finding.severity = remark.is_error ? Severity::kError : Severity::kWarning;
  finding.file = config_file;
  finding.line = remark.line;
  finding.field = std::move(field);
  return finding;
}

Finding finding_of_failure(std::string_view message, const std::string& config_file,
                           std::string_view config_text, const std::string& otherwise) {
  int line = 0;
  std::string file = otherwise;
  if (take_prefix(message, printable(config_file) + ":")) {
    file = config_file;
    line = take_line(message);
    if (line == 0) take_prefix(message, " ");
  } else {
    take_prefix(message, printable(otherwise) + ": ");
  }
  Finding finding = finding_of(message, "put it right and run this again");
  finding.file = file;
  finding.line = line;
  if (line > 0) finding.field = field_of(message, config_text, line);
  return finding;
}

}  // namespace muster
