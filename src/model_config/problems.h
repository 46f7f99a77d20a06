// SPDX-License-Identifier: Apache-2.0
// What is wrong with a configuration, and where: problems become one Status, warnings a list.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <google/protobuf/text_format.h>

#include <muster/status.h>

#include "model_config/model_config.h"

namespace muster {

// A message of the parsed text with the lines that its fields stand on. Borrows both.
class Located {
 public:
  // `lines` may be null: then no line is known.
  Located(const google::protobuf::Message& message,
          const google::protobuf::TextFormat::ParseInfoTree* lines)
      : message_(&message), lines_(lines) {}

  [[nodiscard]] const google::protobuf::Message& message() const noexcept { return *message_; }
  // Counted from 1; 0 = not known. `field` must be the message's; `index` counts in repeated ones.
  [[nodiscard]] int line(const google::protobuf::FieldDescriptor& field, int index = 0) const;
  [[nodiscard]] int line(std::string_view field, int index = 0) const;
  // The message in a field that is there.
  [[nodiscard]] Located nested(const google::protobuf::FieldDescriptor& field, int index = 0) const;
  [[nodiscard]] Located nested(std::string_view field, int index = 0) const;

 private:
  const google::protobuf::Message* message_;
  const google::protobuf::TextFormat::ParseInfoTree* lines_;
};

class Problems {
 public:
  // `remarks`: gets everything that is added. May be null.
  explicit Problems(std::string file, std::vector<ConfigRemark>* remarks = nullptr)
      : file_(std::move(file)), remarks_(remarks) {}

  void add(int line, std::string text);
  void warn(int line, std::string_view text);

  [[nodiscard]] bool empty() const noexcept { return problems_.empty(); }
  // Ok where nothing was added; else the first by line, with the number of the others.
  [[nodiscard]] Status status() const;
  [[nodiscard]] std::vector<std::string> take_warnings() { return std::move(warnings_); }
  // "models/lenet/config.pbtxt:12: text", as far as file and line are known.
  [[nodiscard]] std::string placed(int line, std::string_view text) const;

 private:
  struct Problem {
    int line;
    std::string text;
  };
  std::string file_;
  std::vector<ConfigRemark>* remarks_;
  std::vector<Problem> problems_;
  std::vector<std::string> warnings_;
};

}  // namespace muster
