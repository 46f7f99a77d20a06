// SPDX-License-Identifier: Apache-2.0
#include "model_config/rewriting/text_fields.h"

#include <algorithm>
#include <utility>

namespace muster {
namespace {

constexpr std::string_view kSpace = " \t\r\n\v\f";
constexpr std::string_view kOpening = "{<[";
constexpr std::string_view kClosing = "}>]";
constexpr std::string_view kEndOfScalar = " \t\r\n\v\f,;#{}<>[]\"'";

bool is_one_of(std::string_view set, char c) {
  return set.find(c) != std::string_view::npos;
}

// Walks over a part of a text. Never beyond its end, whatever stands there.
class Walker {
 public:
  Walker(std::string_view text, TextRange part)
      : text_(text.substr(0, part.end)), at_(part.begin) {}

  [[nodiscard]] std::size_t at() const noexcept { return at_; }
  [[nodiscard]] bool at_end() const noexcept { return at_ >= text_.size(); }
  [[nodiscard]] char here() const noexcept { return at_end() ? '\0' : text_[at_]; }

  void skip_space() {
    while (!at_end() && (is_one_of(kSpace, here()) || here() == '#')) {
      if (here() == '#') {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else {
        ++at_;
      }
    }
  }
  bool take(char c) {
    if (here() != c) return false;
    ++at_;
    return true;
  }
  [[nodiscard]] std::string_view take_word() {
    const std::size_t begin = at_;
    at_ = std::min(text_.find_first_of(std::string(kEndOfScalar) + ':', at_), text_.size());
    return text_.substr(begin, at_ - begin);
  }
  // A scalar, texts that stand behind each other, a message or a list. Gives where it ends.
  std::size_t take_value() {
    if (is_one_of(kOpening, here())) return take_group();
    if (here() != '"' && here() != '\'') {
      at_ = std::min(text_.find_first_of(kEndOfScalar, at_), text_.size());
      return at_;
    }
    std::size_t end = at_;
    while (here() == '"' || here() == '\'') {
      take_text();
      end = at_;
      skip_space();
    }
    at_ = end;
    return end;
  }

 private:
  void take_text() {
    const char quote = here();
    ++at_;
    while (!at_end() && here() != quote)
      at_ += here() == '\\' ? std::size_t{2} : std::size_t{1};
    at_ = std::min(at_ + 1, text_.size());
  }
  std::size_t take_group() {
    int depth = 0;
    while (!at_end()) {
      skip_space();
      const char c = here();
      if (c == '"' || c == '\'') {
        take_text();
        continue;
      }
      if (is_one_of(kOpening, c)) ++depth;
      if (is_one_of(kClosing, c)) --depth;
      at_ = std::min(at_ + 1, text_.size());
      if (depth == 0) break;
    }
    return at_;
  }

  const std::string_view text_;
  std::size_t at_;
};

TextRange inside(TextRange braces) {
  return {braces.begin + 1, std::max(braces.begin + 1, braces.end - 1)};
}

}  // namespace

std::vector<TextField> fields_in(std::string_view text, TextRange message) {
  std::vector<TextField> fields;
  Walker walker(text, message);
  while (true) {
    walker.skip_space();
    if (walker.at_end()) return fields;
    TextField field;
    field.whole.begin = walker.at();
    field.name = walker.take_word();
    if (field.name.empty()) return fields;
    walker.skip_space();
    if (walker.take(':')) walker.skip_space();
    field.value = {walker.at(), walker.take_value()};
    if (field.value.end == field.value.begin) return fields;
    field.whole.end = field.value.end;
    walker.skip_space();
    if (walker.take(',') || walker.take(';')) field.whole.end = walker.at();
    fields.push_back(std::move(field));
  }
}

std::vector<TextRange> messages_of(std::string_view text, const TextField& field) {
  const char opening = field.value.begin < text.size() ? text[field.value.begin] : '\0';
  if (opening == '{' || opening == '<') return {inside(field.value)};
  std::vector<TextRange> messages;
  if (opening != '[') return messages;
  Walker walker(text, inside(field.value));
  while (true) {
    walker.skip_space();
    if (walker.here() != '{' && walker.here() != '<') return messages;
    const std::size_t begin = walker.at();
    messages.push_back(inside({begin, walker.take_value()}));
    walker.skip_space();
    walker.take(',');
  }
}

void erase_field(std::string& text, const TextField& field) {
  TextRange range = field.whole;
  const std::size_t before = text.find_last_not_of(" \t", range.begin == 0 ? 0 : range.begin - 1);
  const bool begins_its_line =
      range.begin == 0 || before == std::string::npos || text[before] == '\n';
  const std::size_t behind = std::min(text.find_first_not_of(" \t\r", range.end), text.size());
  const bool ends_its_line = behind == text.size() || text[behind] == '\n' || text[behind] == '#';
  if (begins_its_line && ends_its_line) {
    range.begin = range.begin == 0 || before == std::string::npos ? 0 : before + 1;
    const std::size_t line_end = text.find('\n', range.end);
    range.end = line_end == std::string::npos ? text.size() : line_end + 1;
  }
  text.erase(range.begin, range.end - range.begin);
}

void append_line(std::string& text, std::string_view line) {
  if (!text.empty() && text.back() != '\n') text += '\n';
  text += line;
  text += '\n';
}

}  // namespace muster
