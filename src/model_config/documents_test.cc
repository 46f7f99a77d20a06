// SPDX-License-Identifier: Apache-2.0
// The table of fields is complete, and docs/configuration.md tells the same.
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>

#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>

#include "model_config.pb.h"
#include "model_config/field_rules.h"

namespace muster {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

std::string document() {
  std::ifstream in(std::string(MUSTER_SOURCE_DIR) + "/docs/configuration.md");
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::string_view word(Treatment treatment) {
  switch (treatment) {
    case Treatment::kHonoured:
      return "honoured";
    case Treatment::kOnly:
      return "only";
    case Treatment::kNoEffect:
      return "no effect";
    case Treatment::kRefused:
      return "refused";
  }
  return "";
}

void expect_rules_of(const Descriptor& message, const std::string& prefix) {
  for (int i = 0; i < message.field_count(); ++i) {
    const FieldDescriptor& field = *message.field(i);
    const std::string path = prefix + field.name();
    const FieldRule* rule = find_field_rule(path);
    if (rule == nullptr) {
      ADD_FAILURE() << path << " has no rule";
      continue;
    }
    if (rule->treatment == Treatment::kHonoured && field.message_type() != nullptr &&
        !field.is_map()) {
      expect_rules_of(*field.message_type(), path + '.');
    }
  }
}

TEST(FieldRules, know_every_field_of_the_schema) {
  expect_rules_of(*::inference::ModelConfig::descriptor(), "");
}

TEST(FieldRules, stand_in_the_document) {
  const std::string text = document();
  ASSERT_FALSE(text.empty());
  for (const FieldRule& rule : field_rules()) {
    const std::string row =
        "| `" + std::string(rule.path) + "` | " + std::string(word(rule.treatment));
    EXPECT_NE(text.find(row), std::string::npos) << "docs/configuration.md has no row: " << row;
  }
}

}  // namespace
}  // namespace muster
