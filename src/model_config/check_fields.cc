// SPDX-License-Identifier: Apache-2.0
#include "model_config/check_fields.h"

#include <string>
#include <vector>

#include <fmt/format.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include "base/text.h"
#include "model_config/field_rules.h"
#include "model_config/model_config.h"

namespace muster {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using google::protobuf::TextFormat;

std::string value_text(const Message& message, const FieldDescriptor& field) {
  std::string text;
  TextFormat::PrintFieldValueToString(message, &field, -1, &text);
  return text;
}

void apply_rule(const FieldRule& rule, const Located& parent, const FieldDescriptor& field,
                Problems& problems) {
  const int line = parent.line(field);
  const bool has_value = !field.is_repeated() && field.message_type() == nullptr;
  const std::string value = has_value ? value_text(parent.message(), field) : std::string();
  switch (rule.treatment) {
    case Treatment::kHonoured:
      return;
    case Treatment::kOnly:
      if (value == rule.value) return;
      problems.add(line, fmt::format("{}: {} is not supported, only {}: {}", rule.path,
                                     printable(value), rule.value, rule.note));
      return;
    case Treatment::kNoEffect:
      if (has_value && value == rule.value) return;
      problems.warn(line, fmt::format("{} has no effect: {}", rule.path, rule.note));
      return;
    case Treatment::kRefused:
      problems.add(line, fmt::format("{} is not supported: {}", rule.path, rule.note));
      return;
  }
}

// The text format takes any number for an enumerated value.
void check_enum(const Located& parent, const std::string& path, const FieldDescriptor& field,
                Problems& problems) {
  if (field.enum_type() == nullptr || field.is_repeated()) return;
  const int value = parent.message().GetReflection()->GetEnumValue(parent.message(), &field);
  if (field.enum_type()->FindValueByNumber(value) != nullptr) return;
  problems.add(parent.line(field), fmt::format("{} has no value {}", path, value));
}

bool check_message(const Located& located, const std::string& prefix, Problems& problems) {
  const Message& message = located.message();
  const Reflection& reflection = *message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    const std::string path = prefix + field->name();
    const int count = field->is_repeated() ? reflection.FieldSize(message, field) : 1;
    if (count > kMaxConfigEntries) {
      problems.add(located.line(*field, kMaxConfigEntries),
                   fmt::format("{} has {} entries, more than the limit of {}", path, count,
                               kMaxConfigEntries));
      return false;
    }
    const FieldRule* rule = find_field_rule(path);
    if (rule == nullptr) {  // no text reaches this as long as the table is complete
      problems.add(located.line(*field), path + " is not supported; remove it");
      continue;
    }
    check_enum(located, path, *field, problems);
    apply_rule(*rule, located, *field, problems);
    if (rule->treatment != Treatment::kHonoured || field->message_type() == nullptr ||
        field->is_map()) {
      continue;
    }
    for (int i = 0; i < count; ++i) {
      if (!check_message(located.nested(*field, i), path + '.', problems)) return false;
    }
  }
  return true;
}

}  // namespace

bool check_fields(const Located& config, Problems& problems) {
  return check_message(config, "", problems);
}

}  // namespace muster
