// SPDX-License-Identifier: Apache-2.0
// Every case of tests/model_configs: files of texts, each behind lines that say what to expect.
//
//   # ==== name of the case
//   # model: lenet            a model of testing/models.h; lenet where the line is left out
//   # expect: 2: unknown ...  the message behind the file name (lines count from the text's first),
//                             or ok
//   # warn: 3: ...            a warning, one line each
//   the text
#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "model_config/model_config.h"
#include "model_config/testing/models.h"

namespace muster {
namespace {

constexpr const char* kFile = "models/lenet/config.pbtxt";

struct Case {
  std::string name;
  std::string model = "lenet";
  std::string expect;
  std::vector<std::string> warnings;
  std::string text;
};

bool take(std::string_view line, std::string_view key, std::string& value) {
  if (!line.starts_with(key)) return false;
  value = line.substr(key.size());
  return true;
}

std::vector<Case> read_cases(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::vector<Case> cases;
  for (std::string line; std::getline(in, line);) {
    std::string value;
    if (take(line, "# ==== ", value)) {
      cases.emplace_back().name = value;
      continue;
    }
    if (cases.empty()) continue;
    Case& current = cases.back();
    if (take(line, "# model: ", current.model) || take(line, "# expect: ", current.expect))
      continue;
    if (take(line, "# warn: ", value)) {
      current.warnings.push_back(value);
      continue;
    }
    current.text += line + '\n';
  }
  for (Case& c : cases) {  // the empty line between cases is none of the text
    while (c.text.ends_with("\n\n"))
      c.text.pop_back();
  }
  return cases;
}

std::string placed(const std::string& text) {
  const bool has_line = !text.empty() && std::isdigit(static_cast<unsigned char>(text[0])) != 0;
  return std::string(kFile) + (has_line ? ":" : ": ") + text;
}

Result<std::string> read_labels(std::string_view name) {
  if (name == "labels.txt") return std::string("0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n");
  if (name == "nine.txt") return std::string("1\n2\n3\n4\n5\n6\n7\n8\n9\n");
  return not_found("no such file");
}

Result<ModelConfig> configure(const Case& c) {
  MUSTER_ASSIGN_OR_RETURN(const ParsedConfig parsed, parse_model_config(c.text, {kFile, "lenet"}));
  return resolve(parsed, testing::models().at(c.model),
                 {"onnxruntime", "models/lenet/1/model.onnx", read_labels});
}

TEST(TextCases, give_the_expected_messages) {
  const std::filesystem::path folder =
      std::filesystem::path(MUSTER_SOURCE_DIR) / "tests" / "model_configs";
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".pbtxt") continue;
    for (const Case& c : read_cases(entry.path())) {
      SCOPED_TRACE(entry.path().filename().string() + ": " + c.name);
      ++count;
      const Result<ModelConfig> config = configure(c);
      if (c.expect != "ok") {
        EXPECT_EQ(config.status().message(), placed(c.expect));
        continue;
      }
      ASSERT_TRUE(config.ok()) << config.status().message();
      std::vector<std::string> expected;
      std::ranges::transform(c.warnings, std::back_inserter(expected), placed);
      std::vector<std::string> warnings = config->warnings;
      std::ranges::sort(expected);
      std::ranges::sort(warnings);
      EXPECT_EQ(warnings, expected);
    }
  }
  EXPECT_GE(count, 100);
}

TEST(LenetConfiguration, fits_the_model) {
  std::ifstream in(std::string(MUSTER_SOURCE_DIR) + "/models/lenet/config.pbtxt");
  std::ostringstream text;
  text << in.rdbuf();
  const Result<ModelConfig> config = configure({"", "lenet", "", {}, text.str()});
  ASSERT_TRUE(config.ok()) << config.status().message();
  EXPECT_EQ(config->batching.max_batch_size, 128);
  EXPECT_TRUE(config->dynamic_batching);
  EXPECT_EQ(config->labels.at("output").size(), 10U);
  ASSERT_TRUE(config->image.has_value());
  EXPECT_DOUBLE_EQ(config->image->scale, 1.0 / 255.0);
  EXPECT_TRUE(config->warnings.empty());
}

}  // namespace
}  // namespace muster
