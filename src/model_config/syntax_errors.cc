// SPDX-License-Identifier: Apache-2.0
#include "model_config/syntax_errors.h"

#include <algorithm>
#include <cctype>
#include <functional>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <google/protobuf/descriptor.h>

#include "base/text.h"
#include "model_config.pb.h"
#include "model_config/field_rules.h"

namespace muster {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;

// The text between the n-th pair of double quotes.
std::string_view quoted(std::string_view message, int n) {
  for (std::size_t begin = message.find('"'); begin != std::string_view::npos;
       begin = message.find('"', begin)) {
    const std::size_t end = message.find('"', begin + 1);
    if (end == std::string_view::npos) return {};
    if (n-- == 0) return message.substr(begin + 1, end - begin - 1);
    begin = end + 1;
  }
  return {};
}

// The first field of the schema that fits, in the order in which it is declared.
const FieldDescriptor* find_field(const std::function<bool(const FieldDescriptor&)>& fits) {
  std::vector<const Descriptor*> todo = {::inference::ModelConfig::descriptor()};
  for (std::size_t i = 0; i < todo.size(); ++i) {
    for (int f = 0; f < todo[i]->field_count(); ++f) {
      const FieldDescriptor* field = todo[i]->field(f);
      if (fits(*field)) return field;
      const Descriptor* inner = field->message_type();
      if (inner != nullptr && std::ranges::find(todo, inner) == todo.end()) todo.push_back(inner);
    }
  }
  return nullptr;
}

// The field whose message is of that type: people know "input", not "ModelInput". Null at the top.
const FieldDescriptor* field_of_type(std::string_view type) {
  return find_field([&](const FieldDescriptor& field) {
    return field.message_type() != nullptr && field.message_type()->full_name() == type;
  });
}

// Several blocks have a field of the same name; the one that Muster honours is more likely meant.
bool is_honoured(const FieldDescriptor& field) {
  const FieldDescriptor* home = field_of_type(field.containing_type()->full_name());
  const std::string path = home == nullptr ? field.name() : home->name() + '.' + field.name();
  return std::ranges::any_of(field_rules(), [&](const FieldRule& rule) {
    return rule.treatment == Treatment::kHonoured &&
           (rule.path == path || rule.path.ends_with('.' + path));
  });
}

std::string unknown_field(std::string_view type, std::string_view name) {
  const FieldDescriptor* parent = field_of_type(type);
  const Descriptor* message =
      parent != nullptr ? parent->message_type() : ::inference::ModelConfig::descriptor();
  const std::string where = parent != nullptr ? " in " + parent->name() : std::string();
  const std::string unknown = fmt::format("unknown field '{}'{}", printable(name), where);

  std::vector<std::string_view> siblings;
  for (int i = 0; i < message->field_count(); ++i)
    siblings.push_back(message->field(i)->name());
  if (const std::string_view near = nearest(name, siblings); !near.empty()) {
    return fmt::format("{} (did you mean '{}'?)", unknown, near);
  }
  const FieldDescriptor* elsewhere = find_field(
      [&](const FieldDescriptor& field) { return field.name() == name && is_honoured(field); });
  if (elsewhere != nullptr) {
    const FieldDescriptor* home = field_of_type(elsewhere->containing_type()->full_name());
    return home == nullptr ? unknown + " (it belongs to the top, outside of all blocks)"
                           : fmt::format("{} (it belongs into {} {{ }})", unknown, home->name());
  }
  return unknown + " (docs/configuration.md lists the fields; remove it)";
}

// Names that other tools have for the element types.
constexpr std::pair<std::string_view, std::string_view> kOtherTypeNames[] = {
    {"BYTES", "TYPE_STRING"}, {"FLOAT", "TYPE_FP32"},    {"FLOAT32", "TYPE_FP32"},
    {"FLOAT16", "TYPE_FP16"}, {"HALF", "TYPE_FP16"},     {"FLOAT64", "TYPE_FP64"},
    {"DOUBLE", "TYPE_FP64"},  {"BFLOAT16", "TYPE_BF16"}, {"INT", "TYPE_INT32"},
    {"LONG", "TYPE_INT64"},   {"BOOLEAN", "TYPE_BOOL"},  {"BYTE", "TYPE_UINT8"},
};

std::string_view meant_enum_value(const EnumDescriptor& type, std::string_view given) {
  std::string upper(given.substr(0, 64));
  std::ranges::transform(upper, upper.begin(),
                         [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  std::string_view bare = upper;
  if (type.name() == "DataType") {
    if (bare.starts_with("TYPE_")) bare.remove_prefix(5);
    for (const auto& [other, ours] : kOtherTypeNames) {
      if (bare == other) return ours;
    }
  }
  std::vector<std::string_view> values;
  for (int i = 0; i < type.value_count(); ++i) {
    const std::string& value = type.value(i)->name();
    if (value == upper || value.ends_with('_' + std::string(bare))) return value;
    values.push_back(value);
  }
  return nearest(upper, values);
}

std::string unknown_enum_value(std::string_view value, std::string_view field_name) {
  const std::string unknown =
      fmt::format("'{}' is no value of {}", printable(value), printable(field_name));
  const auto fits = [&](const FieldDescriptor& candidate) {
    return candidate.enum_type() != nullptr && candidate.name() == field_name;
  };
  const FieldDescriptor* field = find_field(
      [&](const FieldDescriptor& candidate) { return fits(candidate) && is_honoured(candidate); });
  if (field == nullptr) field = find_field(fits);
  if (field == nullptr) return unknown;
  const std::string_view meant = meant_enum_value(*field->enum_type(), value);
  if (!meant.empty()) return fmt::format("{} (did you mean {}?)", unknown, meant);
  std::string all;
  for (int i = 0; i < field->enum_type()->value_count(); ++i) {
    all += (i == 0 ? "" : ", ") + field->enum_type()->value(i)->name();
  }
  return fmt::format("{}; use one of {}", unknown, all);
}

std::string_view line_of(std::string_view text, int line) {
  for (int i = 0; i < line; ++i) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
  return text.substr(0, text.find('\n'));
}

// The parser complains of a word when it stands at the next one, which may be lines below.
int line_of_word(std::string_view text, int line, int column, std::string_view word) {
  constexpr int kLinesToSearch = 100;
  const std::string_view last = line_of(text, line);
  if (last.substr(0, static_cast<std::size_t>(column)).find(word) != std::string_view::npos) {
    return line;
  }
  for (int above = line - 1; above >= 0 && above >= line - kLinesToSearch; --above) {
    if (line_of(text, above).find(word) != std::string_view::npos) return above;
  }
  return line;
}

std::string other_error(std::string_view message) {
  if (message == "Expected identifier, got: " || message.ends_with("found \"\".")) {
    return "the text ends too early; is a '}' missing?";
  }
  if (message.starts_with("Expected string, got: ")) {
    return fmt::format("expected a text in quotes, got {}", printable(message.substr(22)));
  }
  if (message.starts_with("Integer out of range (")) {
    return fmt::format("the number {} is out of range",
                       printable(message.substr(22, message.find(')') - 22)));
  }
  std::string text = printable(message);
  std::ranges::replace(text, '"', '\'');
  if (text.ends_with('.')) text.pop_back();
  if (!text.empty()) text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  return text;
}

}  // namespace

SyntaxError explain_syntax_error(std::string_view text, int line, int column,
                                 std::string_view message) {
  const std::string_view first = quoted(message, 0);
  const std::string_view second = quoted(message, 1);
  const auto at = [&](std::string_view word) { return line_of_word(text, line, column, word) + 1; };
  if (message.starts_with("Message type ") &&
      message.find("has no field named") != std::string_view::npos) {
    return {at(second), unknown_field(first, second)};
  }
  if (message.starts_with("Unknown enumeration value of ")) {
    return {at(first), unknown_enum_value(first, second)};
  }
  if (message.starts_with("Invalid value for boolean field ")) {
    return {at(second), fmt::format("{} is '{}', it must be true or false", printable(first),
                                    printable(second))};
  }
  if (message.starts_with("Non-repeated field ")) {
    return {at(first), fmt::format("{} is given twice; keep one", printable(first))};
  }
  if (message.starts_with("Field ") && message.find("along with field") != std::string_view::npos) {
    return {at(first), fmt::format("{} and {} exclude each other; keep one", printable(first),
                                   printable(second))};
  }
  return {line + 1, other_error(message)};
}

}  // namespace muster
