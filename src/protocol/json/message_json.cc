// SPDX-License-Identifier: Apache-2.0
#include "protocol/json/message_json.h"

#include <map>

#include <google/protobuf/descriptor.h>

#include "protocol/json/json_writer.h"

namespace muster {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr int kSingle = -1;

// The value of a field that is no message: one of a list by its index, or the single one.
void append_scalar(std::string& out, const Message& message, const FieldDescriptor& field,
                   int index) {
  const Reflection& reflection = *message.GetReflection();
  const bool single = index == kSingle;
  const auto get = [&](auto one, auto of_list) {
    return single ? (reflection.*one)(message, &field)
                  : (reflection.*of_list)(message, &field, index);
  };
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL:
      return append_json_bool(out, get(&Reflection::GetBool, &Reflection::GetRepeatedBool));
    case FieldDescriptor::CPPTYPE_INT32:
      return append_json_number(out, get(&Reflection::GetInt32, &Reflection::GetRepeatedInt32));
    case FieldDescriptor::CPPTYPE_INT64:
      return append_json_number(out, get(&Reflection::GetInt64, &Reflection::GetRepeatedInt64));
    case FieldDescriptor::CPPTYPE_UINT32:
      return append_json_number(out, get(&Reflection::GetUInt32, &Reflection::GetRepeatedUInt32));
    case FieldDescriptor::CPPTYPE_UINT64:
      return append_json_number(out, get(&Reflection::GetUInt64, &Reflection::GetRepeatedUInt64));
    case FieldDescriptor::CPPTYPE_FLOAT:
      return append_json_number(out, get(&Reflection::GetFloat, &Reflection::GetRepeatedFloat));
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return append_json_number(out, get(&Reflection::GetDouble, &Reflection::GetRepeatedDouble));
    case FieldDescriptor::CPPTYPE_ENUM:
      return append_json_string(out,
                                get(&Reflection::GetEnum, &Reflection::GetRepeatedEnum)->name());
    default:
      return append_json_string(out, get(&Reflection::GetString, &Reflection::GetRepeatedString));
  }
}

void append_value(std::string& out, const Message& message, const FieldDescriptor& field,
                  int index) {
  const Reflection& reflection = *message.GetReflection();
  if (field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) {
    append_scalar(out, message, field, index);
  } else {
    append_message_json(out, index == kSingle
                                 ? reflection.GetMessage(message, &field)
                                 : reflection.GetRepeatedMessage(message, &field, index));
  }
}

std::string key_of(const Message& entry) {
  std::string key;
  const FieldDescriptor& field = *entry.GetDescriptor()->map_key();
  append_scalar(key, entry, field, kSingle);
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_STRING) return key;  // with its quotes
  return "\"" + key + "\"";
}

void append_map(std::string& out, const Message& message, const FieldDescriptor& field) {
  const Reflection& reflection = *message.GetReflection();
  std::map<std::string, std::string> values;
  for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
    const Message& entry = reflection.GetRepeatedMessage(message, &field, i);
    append_value(values[key_of(entry)], entry, *entry.GetDescriptor()->map_value(), kSingle);
  }
  char before = '{';
  for (const auto& [key, value] : values) {
    out += before;
    out += key;
    out += ':';
    out += value;
    before = ',';
  }
  out += values.empty() ? "{}" : "}";
}

void append_list(std::string& out, const Message& message, const FieldDescriptor& field) {
  out += '[';
  for (int i = 0; i < message.GetReflection()->FieldSize(message, &field); ++i) {
    if (i > 0) out += ',';
    append_value(out, message, field, i);
  }
  out += ']';
}

bool is_shown(const Message& message, const FieldDescriptor& field) {
  if (field.is_repeated()) return true;
  const bool may_lack = field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE ||
                        field.real_containing_oneof() != nullptr;
  return !may_lack || message.GetReflection()->HasField(message, &field);
}

}  // namespace

void append_message_json(std::string& out, const Message& message) {
  char before = '{';
  const google::protobuf::Descriptor& schema = *message.GetDescriptor();
  for (int i = 0; i < schema.field_count(); ++i) {
    const FieldDescriptor& field = *schema.field(i);
    if (!is_shown(message, field)) continue;
    out += before;
    before = ',';
    append_json_string(out, field.name());
    out += ':';
    if (field.is_map()) {
      append_map(out, message, field);
    } else if (field.is_repeated()) {
      append_list(out, message, field);
    } else {
      append_value(out, message, field, kSingle);
    }
  }
  out += before == '{' ? "{}" : "}";
}

}  // namespace muster
