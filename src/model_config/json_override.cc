// SPDX-License-Identifier: Apache-2.0
#include "model_config/json_override.h"

#include <string>
#include <vector>

#include <fmt/format.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <google/protobuf/util/json_util.h>

#include "base/text.h"
#include "model_config/model_config.h"

namespace muster {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

// Looked at before the parser, which calls itself for each level.
bool is_too_deep(std::string_view json) {
  // A message in a list or a map is two levels of JSON and one of the schema.
  constexpr int kMost = 2 * kMaxConfigDepth;
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > kMost) return true;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return false;
}

// Merging would append to the lists.
void clear_replaced_lists(Message& below, const Message& above) {
  const Reflection& reflection = *above.GetReflection();
  std::vector<const FieldDescriptor*> given;
  reflection.ListFields(above, &given);
  for (const FieldDescriptor* field : given) {
    if (field->is_map()) continue;
    if (field->is_repeated()) {
      reflection.ClearField(&below, field);
    } else if (field->message_type() != nullptr && reflection.HasField(below, field)) {
      clear_replaced_lists(*reflection.MutableMessage(&below, field),
                           reflection.GetMessage(above, field));
    }
  }
}

// The parser's word "(dynamic_batching) max_bach: Cannot find field." in ours.
std::string explain(std::string_view message) {
  constexpr std::string_view kUnknown = ": Cannot find field.";
  if (message.ends_with(kUnknown)) {
    message.remove_suffix(kUnknown.size());
    std::string_view place;
    if (const std::size_t end = message.find(") ");
        message.starts_with('(') && end != message.npos) {
      place = message.substr(1, end - 1);
      message.remove_prefix(end + 2);
    }
    return fmt::format("unknown field '{}'{}{} (docs/configuration.md lists the fields; remove it)",
                       printable(message), place.empty() ? "" : " in ", printable(place));
  }
  std::string text(message.substr(0, message.find('\n')));  // what follows draws the place
  while (text.ends_with('.') || text.ends_with(' '))
    text.pop_back();
  return printable(text);
}

}  // namespace

Status put_json_above(std::string_view json, ::inference::ModelConfig& text) {
  if (json.size() > kMaxConfigBytes) {
    return invalid_argument(
        fmt::format("{} bytes are more than the limit of {}", json.size(), kMaxConfigBytes));
  }
  if (is_too_deep(json)) {
    return invalid_argument(
        fmt::format("it is nested deeper than the limit of {} messages", kMaxConfigDepth));
  }
  ::inference::ModelConfig above;
  const auto parsed = google::protobuf::util::JsonStringToMessage(
      google::protobuf::StringPiece(json.data(), json.size()), &above);
  if (!parsed.ok()) return invalid_argument(explain(std::string(parsed.message())));
  clear_replaced_lists(text, above);
  text.MergeFrom(above);
  return {};
}

}  // namespace muster
