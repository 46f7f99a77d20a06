// SPDX-License-Identifier: Apache-2.0
#include "model_config/problems.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include "base/check.h"
#include "base/text.h"

namespace muster {

using google::protobuf::FieldDescriptor;

namespace {

const FieldDescriptor& field_of(const google::protobuf::Message& message, std::string_view name) {
  const FieldDescriptor* field = message.GetDescriptor()->FindFieldByName(std::string(name));
  MUSTER_CHECK(field != nullptr);
  return *field;
}

}  // namespace

int Located::line(const FieldDescriptor& field, int index) const {
  if (lines_ == nullptr) return 0;
  // The tree counts lines from 0, wants -1 as the index of a field that is not repeated, and keeps
  // one line for all of a list in brackets.
  if (!field.is_repeated()) return lines_->GetLocation(&field, -1).line + 1;
  int line = -1;
  for (; line < 0 && index >= 0; --index)
    line = lines_->GetLocation(&field, index).line;
  return line + 1;
}

int Located::line(std::string_view field, int index) const {
  return line(field_of(*message_, field), index);
}

Located Located::nested(const FieldDescriptor& field, int index) const {
  const google::protobuf::Reflection& reflection = *message_->GetReflection();
  const google::protobuf::Message& inner =
      field.is_repeated() ? reflection.GetRepeatedMessage(*message_, &field, index)
                          : reflection.GetMessage(*message_, &field);
  if (lines_ == nullptr) return {inner, nullptr};
  return {inner, lines_->GetTreeForNested(&field, field.is_repeated() ? index : -1)};
}

Located Located::nested(std::string_view field, int index) const {
  return nested(field_of(*message_, field), index);
}

void Problems::add(int line, std::string text) {
  if (remarks_ != nullptr) remarks_->push_back({line, true, text});
  problems_.push_back({line, std::move(text)});
}

void Problems::warn(int line, std::string_view text) {
  if (remarks_ != nullptr) remarks_->push_back({line, false, std::string(text)});
  warnings_.push_back(placed(line, text));
}

std::string Problems::placed(int line, std::string_view text) const {
  if (file_.empty()) return std::string(text);
  if (line <= 0) return fmt::format("{}: {}", printable(file_), text);
  return fmt::format("{}:{}: {}", printable(file_), line, text);
}

Status Problems::status() const {
  if (problems_.empty()) return {};
  const auto first = std::ranges::min_element(problems_, {}, &Problem::line);
  std::string message = placed(first->line, first->text);
  if (problems_.size() > 1) message += fmt::format(" (and {} more)", problems_.size() - 1);
  return invalid_argument(std::move(message));
}

}  // namespace muster
