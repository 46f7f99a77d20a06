// SPDX-License-Identifier: Apache-2.0
#include <string>

#include <gtest/gtest.h>

#include "model_config/model_config.h"
#include "model_config/testing/models.h"

namespace muster {
namespace {

constexpr const char* kFile = "models/lenet/config.pbtxt";
constexpr const char* kSent = "the configuration sent for models/lenet";

Result<std::string> read_labels(std::string_view name) {
  if (name == "labels.txt") return std::string("0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n");
  return not_found("no such file");
}

Result<ModelConfig> resolved(const Result<ParsedConfig>& parsed) {
  if (!parsed.ok()) return parsed.status();
  return resolve(*parsed, testing::models()["lenet"],
                 {"onnxruntime", "models/lenet/1/model.onnx", read_labels});
}

Result<ModelConfig> configured(std::string_view text, std::string_view json) {
  MUSTER_ASSIGN_OR_RETURN(const ParsedConfig below, parse_model_config(text, {kFile, "lenet"}));
  return resolved(put_above(below, json, {kSent, "lenet"}));
}

std::string refusal(std::string_view text, std::string_view json) {
  return std::string(configured(text, json).status().message());
}

TEST(JsonOverride, stands_above_the_text_field_by_field) {
  const auto config = configured(R"(max_batch_size: 8
      dynamic_batching { preferred_batch_size: [ 2, 4 ] max_queue_delay_microseconds: 7 }
      instance_group { count: 2 } instance_group { count: 3 }
      parameters { key: "a" value { string_value: "1" } }
      parameters { key: "b" value { string_value: "2" } })",
                                 R"({"max_batch_size": 16,
      "dynamic_batching": {"preferred_batch_size": [3]},
      "instance_group": [{"count": 1, "kind": "KIND_CPU"}],
      "parameters": {"b": {"string_value": "3"}, "c": {"string_value": "4"}}})");
  ASSERT_TRUE(config.ok()) << config.status().message();
  EXPECT_EQ(config->batching.max_batch_size, 16);
  EXPECT_EQ(config->batching.preferred_batch_sizes, (std::vector<std::int64_t>{3}));
  EXPECT_EQ(config->batching.max_queue_delay.count(), 7);
  EXPECT_EQ(config->instance_count, 1);
  EXPECT_EQ(config->parameters, (decltype(config->parameters){{"a", "1"}, {"b", "3"}, {"c", "4"}}));
  EXPECT_EQ(config->config_file, kSent);
}

TEST(JsonOverride, can_say_0_and_choose_another_alternative) {
  const auto config = configured("max_batch_size: 8 version_policy { latest { num_versions: 1 } }",
                                 R"({"max_batch_size": 0, "version_policy":
                                     {"specific": {"versions": ["7", 3]}}})");
  ASSERT_TRUE(config.ok()) << config.status().message();
  EXPECT_EQ(config->batching.max_batch_size, 0);
  EXPECT_EQ(config->versions.kind, VersionChoice::Kind::kSpecific);
  EXPECT_EQ(config->versions.specific, (std::vector<std::int64_t>{3, 7}));
}

TEST(JsonOverride, takes_64_bit_numbers_as_numbers_and_as_strings) {
  for (const char* json : {R"({"dynamic_batching": {"max_queue_delay_microseconds": 100}})",
                           R"({"dynamic_batching": {"max_queue_delay_microseconds": "100"}})"}) {
    const auto config = configured("", json);
    ASSERT_TRUE(config.ok()) << config.status().message();
    EXPECT_EQ(config->batching.max_queue_delay.count(), 100);
  }
}

TEST(JsonOverride, says_nothing_where_it_is_empty) {
  const std::string text = "max_batch_size: 8 instance_group { count: 2 }";
  for (const char* json : {"{}", R"({"instance_group": [], "parameters": {}})"}) {
    const auto config = configured(text, json);
    ASSERT_TRUE(config.ok()) << config.status().message();
    EXPECT_EQ(config->batching.max_batch_size, 8);
    EXPECT_EQ(config->instance_count, 2);
  }
}

TEST(JsonOverride, takes_what_the_config_call_gives) {
  const auto config = configured("", R"({"name": "lenet", "platform": "onnxruntime_onnx",
      "backend": "onnxruntime", "runtime": "", "version_policy": {"latest": {"num_versions": 1}},
      "max_batch_size": 32,
      "input": [{"name": "input", "data_type": "TYPE_FP32", "format": "FORMAT_NONE",
                 "dims": [1, 28, 28], "is_shape_tensor": false, "allow_ragged_batch": false,
                 "optional": false, "is_non_linear_format_io": false}],
      "output": [{"name": "output", "data_type": "TYPE_FP32", "dims": [10],
                  "label_filename": "labels.txt", "is_shape_tensor": false}],
      "batch_input": [], "batch_output": [],
      "optimization": {"priority": "PRIORITY_DEFAULT", "input_pinned_memory": {"enable": true},
                       "output_pinned_memory": {"enable": true},
                       "gather_kernel_buffer_threshold": 0, "eager_batching": false},
      "dynamic_batching": {"preferred_batch_size": [32], "max_queue_delay_microseconds": 0,
                           "preserve_ordering": false, "priority_levels": 0,
                           "default_priority_level": 0, "priority_queue_policy": {}},
      "instance_group": [{"name": "lenet", "kind": "KIND_CPU", "count": 1, "gpus": [],
                          "secondary_devices": [], "profile": [], "passive": false,
                          "host_policy": ""}],
      "default_model_filename": "model.onnx", "cc_model_filenames": {}, "metric_tags": {},
      "parameters": {}, "model_warmup": [], "model_transaction_policy": {"decoupled": false}})");
  ASSERT_TRUE(config.ok()) << config.status().message();
  EXPECT_EQ(config->batching.max_batch_size, 32);
  EXPECT_EQ(config->labels.at("output").size(), 10U);
}

TEST(JsonOverride, stands_above_a_folder_without_a_configuration) {
  const auto config =
      resolved(put_above(no_model_config("lenet"), R"({"max_batch_size": 4})", {kSent, "lenet"}));
  ASSERT_TRUE(config.ok()) << config.status().message();
  EXPECT_EQ(config->name, "lenet");
  EXPECT_EQ(config->batching.max_batch_size, 4);
  EXPECT_EQ(config->labels.at("output").size(), 10U);
}

TEST(JsonOverride, is_held_against_the_same_rules_as_the_text) {
  EXPECT_EQ(refusal("", R"({"max_batch_size": -1})"),
            std::string(kSent) + ": max_batch_size is -1; it must be 0 to 65536");
  EXPECT_EQ(refusal("", R"({"name": "other"})"),
            std::string(kSent) +
                ": name is 'other' but the folder is 'lenet'; make them the same, or remove name");
  EXPECT_NE(refusal("", R"({"sequence_batching": {}})").find("sequence_batching is not supported"),
            std::string::npos);
}

TEST(JsonOverride, names_what_it_does_not_know) {
  EXPECT_EQ(refusal("", R"({"max_bach_size": 1})"),
            std::string(kSent) +
                ": unknown field 'max_bach_size' (docs/configuration.md lists "
                "the fields; remove it)");
  EXPECT_NE(refusal("", R"({"dynamic_batching": {"max_delay": 1}})")
                .find("unknown field 'max_delay' in dynamic_batching"),
            std::string::npos);
  EXPECT_NE(refusal("", R"({"instance_group": [{"kind": "KIND_TPU"}]})").find("KIND_TPU"),
            std::string::npos);
}

TEST(JsonOverride, refuses_what_is_no_json_object) {
  for (const char* json : {"", "[]", "7", "{", "{\"a\"}", "null x", "{\"max_batch_size\": \"x\"}",
                           "{\"max_batch_size\": 99999999999}", "{\"name\": \"\xff\"}"}) {
    EXPECT_EQ(configured("", json).status().code(), StatusCode::kInvalidArgument) << json;
    EXPECT_EQ(refusal("", json).find('\n'), std::string::npos) << json;
  }
}

TEST(JsonOverride, has_limits_of_size_and_depth) {
  EXPECT_NE(refusal("", std::string(kMaxConfigBytes + 1, ' ')).find("more than the limit of"),
            std::string::npos);
  std::string deep;
  for (int i = 0; i < 100000; ++i)
    deep += "{\"a\":[";
  EXPECT_NE(refusal("", deep).find("nested deeper than the limit"), std::string::npos);
  EXPECT_TRUE(
      configured(
          "",
          R"({"parameters": {"[[[[{{{{": {"string_value": "\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["}}})")
          .ok());
}

}  // namespace
}  // namespace muster
