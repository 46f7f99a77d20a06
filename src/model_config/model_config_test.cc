// SPDX-License-Identifier: Apache-2.0
#include "model_config/model_config.h"

#include <chrono>
#include <string>

#include <gtest/gtest.h>

namespace muster {
namespace {

using std::chrono::microseconds;

ModelConfig parsed(std::string_view text) {
  Result<ParsedConfig> result = parse_model_config(text, {"config.pbtxt", "lenet"});
  EXPECT_TRUE(result.ok()) << result.status().message();
  return result.ok() ? result->config() : ModelConfig();
}

std::string refusal(std::string_view text) {
  const Result<ParsedConfig> result = parse_model_config(text, {"config.pbtxt", "lenet"});
  return std::string(result.status().message());
}

TEST(ParseModelConfig, gives_what_loading_a_model_needs) {
  const ModelConfig config = parsed(R"(
      platform: "onnxruntime_onnx"
      default_model_filename: "digits.onnx"
      version_policy { specific { versions: [ 7, 3, 7 ] } }
      instance_group [ { count: 2 kind: KIND_CPU }, { kind: KIND_MODEL } ]
      optimization { graph { level: 1 } }
      parameters { key: "intra_op_thread_count" value { string_value: "4" } })");
  EXPECT_EQ(config.name, "lenet");
  EXPECT_EQ(config.backend, "onnxruntime");
  EXPECT_EQ(config.model_filename, "digits.onnx");
  EXPECT_EQ(config.versions.kind, VersionChoice::Kind::kSpecific);
  EXPECT_EQ(config.versions.specific, (std::vector<std::int64_t>{3, 7}));
  EXPECT_EQ(config.instance_count, 3);
  EXPECT_EQ(config.parameters.at("intra_op_thread_count"), "4");
  EXPECT_EQ(config.parameters.at("session.graph_level"), "1");
  EXPECT_EQ(config.config_file, "config.pbtxt");
}

TEST(ParseModelConfig, tells_where_a_parameter_stands) {
  const ModelConfig config =
      parsed("name: \"lenet\"\n\nparameters { key: \"x\" value { string_value: \"\" } }");
  EXPECT_EQ(config.parameter_place("x"), "config.pbtxt:3: parameter 'x'");
  EXPECT_EQ(config.parameter_place("y"), "parameter 'y'");
}

TEST(ParseModelConfig, keeps_parameters_of_pictures_from_the_backend) {
  const ModelConfig config = parsed(R"(
      parameters { key: "image.color" value { string_value: "rgb" } }
      parameters { key: "classification.activation" value { string_value: "none" } })");
  EXPECT_TRUE(config.parameters.empty());
  EXPECT_EQ(config.activation, "none");
}

TEST(ParseModelConfig, reads_the_queue) {
  const BatchingOptions batching = parsed(R"(
      max_batch_size: 16
      dynamic_batching {
        preferred_batch_size: [ 8, 4, 8 ]
        max_queue_delay_microseconds: 250
        default_queue_policy { default_timeout_microseconds: 5000 max_queue_size: 12 }
      })")
                                       .batching;
  EXPECT_EQ(batching.max_batch_size, 16);
  EXPECT_EQ(batching.preferred_batch_sizes, (std::vector<std::int64_t>{4, 8}));
  EXPECT_EQ(batching.max_queue_delay, microseconds(250));
  EXPECT_EQ(batching.default_queue_policy.default_timeout, microseconds(5000));
  EXPECT_EQ(batching.default_queue_policy.max_queue_size, 12U);
}

TEST(ModelConfig, tells_whether_the_batch_size_was_said) {
  const auto said = parse_model_config("backend: \"openvino\"\nmax_batch_size: 0", {"c", ""});
  ASSERT_TRUE(said.ok());
  EXPECT_EQ(said->config().parameter_lines.at("max_batch_size"), 2);
  const auto unsaid = parse_model_config("backend: \"openvino\"", {"c", ""});
  ASSERT_TRUE(unsaid.ok());
  EXPECT_TRUE(unsaid->config().parameter_lines.empty());
}

TEST(ModelConfig, has_priority_levels_with_policies_of_their_own) {
  const auto parsed = parse_model_config(R"(
      max_batch_size: 8
      dynamic_batching {
        priority_levels: 3 default_priority_level: 2
        default_queue_policy { max_queue_size: 12 }
        priority_queue_policy { key: 1 value { max_queue_size: 3 } }
        priority_queue_policy { key: 3 value {
          timeout_action: DELAY default_timeout_microseconds: 7 allow_timeout_override: true } }
      })",
                                         {"config.pbtxt", ""});
  ASSERT_TRUE(parsed.ok()) << parsed.status().message();
  const BatchingOptions& batching = parsed->config().batching;
  EXPECT_EQ(batching.priority_levels, 3);
  EXPECT_EQ(batching.default_priority_level, 2);
  EXPECT_EQ(batching.default_queue_policy.max_queue_size, 12U);
  using enum QueuePolicy::TimeoutAction;
  EXPECT_EQ(batching.level_policies,
            (std::map<std::int64_t, QueuePolicy>{{1, {kReject, microseconds(0), 3}},
                                                 {3, {kDelay, microseconds(7), 4096}}}));
}

TEST(ParseModelConfig, lists_tensors_as_written_with_the_implicit_batch_axis) {
  const ModelConfig config = parsed(R"(
      backend: "identity" max_batch_size: 4
      input { name: "in" data_type: TYPE_STRING dims: [ 2 ] }
      output { name: "out" data_type: TYPE_BF16 dims: [ -1 ] })");
  EXPECT_EQ(config.backend, "scripted");
  ASSERT_EQ(config.inputs.size(), 1U);
  EXPECT_EQ(config.inputs[0].type, DataType::kBytes);
  EXPECT_EQ(config.inputs[0].shape, (Shape{kDynamicDim, 2}));
  ASSERT_EQ(config.outputs.size(), 1U);
  EXPECT_EQ(config.outputs[0].type, DataType::kBf16);
  EXPECT_EQ(config.outputs[0].shape, (Shape{kDynamicDim, kDynamicDim}));
}

TEST(ParseModelConfig, infers_the_backend_from_the_file_named) {
  EXPECT_EQ(parsed("default_model_filename: \"a.plan\"").backend, "tensorrt");
  EXPECT_EQ(parsed("default_model_filename: \"a.xml\"").backend, "openvino");
  EXPECT_EQ(parsed("default_model_filename: \"a.bin\"").backend, "");
}

TEST(ParseModelConfig, leaves_backends_of_other_makers_to_the_loader) {
  EXPECT_EQ(parsed("backend: \"my_backend\"").backend, "my_backend");
}

TEST(ParseModelConfig, takes_a_byte_order_mark) {
  EXPECT_EQ(parsed("\xEF\xBB\xBFname: \"lenet\"").name, "lenet");
}

TEST(ParseModelConfig, does_not_compare_the_name_where_no_folder_is_named) {
  EXPECT_TRUE(parse_model_config("name: \"anything\"", {"config.pbtxt", ""}).ok());
}

TEST(ParseModelConfig, refuses_a_text_over_the_limit) {
  const std::string comment = '#' + std::string(kMaxConfigBytes, 'x');
  EXPECT_EQ(refusal(comment), "config.pbtxt: 1048577 bytes are more than the limit of 1048576");
}

TEST(ParseModelConfig, refuses_a_list_over_the_limit) {
  std::string text = "input {\n dims: [ 1";
  for (int i = 0; i < kMaxConfigEntries; ++i)
    text += ", 1";
  EXPECT_EQ(refusal(text + " ] }"),
            "config.pbtxt:2: input.dims has 4097 entries, more than the limit of 4096");
}

TEST(ParseModelConfig, tells_every_kind_of_hostile_text_in_one_line) {
  for (const std::string_view text :
       {std::string_view("\0\0\0", 3), std::string_view("name: \"\n"),
        std::string_view("\xFF\xFE\x1b[2J: 1"), std::string_view("[[[[[[[["),
        std::string_view("name: \"a\\n\\nb\"")}) {
    const std::string message = refusal(text);
    EXPECT_TRUE(message.starts_with("config.pbtxt:")) << message;
    EXPECT_EQ(message.find_first_of("\n\x1b"), std::string::npos) << message;
  }
}

}  // namespace
}  // namespace muster
