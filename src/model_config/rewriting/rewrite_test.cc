// SPDX-License-Identifier: Apache-2.0
#include "model_config/rewriting/rewrite.h"

#include <algorithm>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "model_config/model_config.h"
#include "model_config/rewriting/text_fields.h"

namespace muster {
namespace {

RunSettings run_as(std::string backend, int instances, std::optional<std::int64_t> batch = {}) {
  return {std::move(backend), "onnxruntime", instances, batch, {}};
}

std::string in_place(std::string_view text, const RunSettings& settings) {
  const auto rewritten = rewrite_config(text, settings);
  if (!rewritten.ok()) return std::string(rewritten.status().message());
  EXPECT_FALSE(rewritten->written_anew) << rewritten->text;
  EXPECT_TRUE(parse_model_config(rewritten->text, {"config.pbtxt", ""}).ok()) << rewritten->text;
  return rewritten->text;
}

constexpr std::string_view kWritten = R"(# Ours.
name: "lenet"
backend: "onnxruntime"

# 128 by folklore.
max_batch_size: 128  # rows

input { name: "input" data_type: TYPE_FP32 dims: [ 1, 28, 28 ] }  # "}"
dynamic_batching {
  max_queue_delay_microseconds: 100
}
parameters { key: "image.color" value { string_value: "grayscale" } }
# Few.
parameters { key: "intra_op_thread_count" value { string_value: "1" } }
)";

TEST(RewriteConfig, asks_for_an_accelerator_in_the_place_of_others) {
  RunSettings settings = run_as("onnxruntime", 1, 128);
  settings.accelerator = "cuda";
  const std::string line =
      "optimization { execution_accelerators { gpu_execution_accelerator { name: \"cuda\" } } }\n";
  EXPECT_EQ(in_place(kWritten, settings), std::string(kWritten) + line);
  EXPECT_EQ(in_place(std::string(kWritten) + line, settings), std::string(kWritten) + line);
  const std::string others = std::string(kWritten) +
                             "optimization { execution_accelerators { cpu_execution_accelerator { "
                             "name: \"openvino\" } } }\n";
  EXPECT_EQ(in_place(others, settings), std::string(kWritten) + line);
  // Nothing said: they stay.
  settings.accelerator.clear();
  EXPECT_EQ(in_place(others, settings), others);
}

TEST(RewriteConfig, leaves_what_already_says_it) {
  RunSettings settings = run_as("onnxruntime", 1, 128);
  settings.parameters = {{"intra_op_thread_count", "1"}};
  EXPECT_EQ(in_place(kWritten, settings), kWritten);
}

TEST(RewriteConfig, changes_values_where_they_stand) {
  RunSettings settings = run_as("onnxruntime", 2, 64);
  settings.parameters = {{"intra_op_thread_count", "4"}};
  std::string expected(kWritten);
  expected.replace(expected.find(": 128  #"), 5, ": 64");
  expected.replace(expected.find("\"1\""), 3, "\"4\"");
  EXPECT_EQ(in_place(kWritten, settings), expected + "instance_group { count: 2 }\n");
}

TEST(RewriteConfig, takes_a_parameter_away_with_its_line) {
  RunSettings settings = run_as("onnxruntime", 1);
  settings.parameters = {{"intra_op_thread_count", ""}};
  EXPECT_EQ(in_place(kWritten, settings),
            kWritten.substr(0, kWritten.find("parameters { key: \"intra")));
}

TEST(RewriteConfig, drops_what_is_about_the_backend_before) {
  RunSettings settings = run_as("openvino", 1);
  settings.parameters = {{"INFERENCE_NUM_THREADS", "2"}};
  const std::string text = R"(platform: "onnxruntime_onnx"  # as Triton says
optimization {
  graph { level: 1 }  # all of it
}
parameters: { key: "session.disable_prepacking", value: { string_value: "1" } }
parameters { key: "latency_target_ms" value { string_value: "20" } }
parameters { key: "classification.activation" value { string_value: "none" } }
)";
  EXPECT_EQ(in_place(text, settings),
            "parameters { key: \"latency_target_ms\" value { string_value: \"20\" } }\n"
            "parameters { key: \"classification.activation\" value { string_value: \"none\" } }\n"
            "backend: \"openvino\"\n"
            "parameters { key: \"INFERENCE_NUM_THREADS\" value { string_value: \"2\" } }\n");
}

TEST(RewriteConfig, names_no_backend_that_the_file_tells) {
  EXPECT_EQ(in_place("# nothing\n", run_as("onnxruntime", 1)), "# nothing\n");
  EXPECT_EQ(in_place("", run_as("openvino", 1)), "backend: \"openvino\"\n");
}

TEST(RewriteConfig, counts_instances_in_every_form_that_people_write) {
  EXPECT_EQ(in_place("instance_group [\n  {\n    count: 1\n    kind: KIND_CPU\n  }\n]\n",
                     run_as("onnxruntime", 3)),
            "instance_group [\n  {\n    count: 3\n    kind: KIND_CPU\n  }\n]\n");
  EXPECT_EQ(in_place("instance_group: < kind: KIND_CPU >", run_as("onnxruntime", 2)),
            "instance_group: < count: 2 kind: KIND_CPU >");
  EXPECT_EQ(in_place("instance_group { count: 2 } instance_group { }\n", run_as("onnxruntime", 3)),
            "instance_group { count: 2 } instance_group { }\n");
  EXPECT_EQ(in_place("instance_group { count: 2 }\ninstance_group { }\n", run_as("onnxruntime", 1)),
            "instance_group { count: 1 }\n");
}

TEST(RewriteConfig, lets_requests_share_batches_of_more_than_one_row) {
  EXPECT_EQ(in_place("max_batch_size: 8", run_as("onnxruntime", 1, 16)),
            "max_batch_size: 16\ndynamic_batching { }\n");
  EXPECT_EQ(in_place("max_batch_size: 8", run_as("onnxruntime", 1, 1)), "max_batch_size: 1");
}

TEST(RewriteConfig, takes_preferred_sizes_away_that_no_batch_has) {
  const std::string text =
      "max_batch_size: 64\n"
      "dynamic_batching {\n"
      "  preferred_batch_size: [ 16, 32 ]\n"
      "  preferred_batch_size: 8  # too\n"
      "  max_queue_delay_microseconds: 5\n"
      "}\n";
  EXPECT_EQ(in_place(text, run_as("onnxruntime", 1, 32)),
            "max_batch_size: 32" + text.substr(text.find('\n')));
  EXPECT_EQ(in_place(text, run_as("onnxruntime", 1, 8)),
            "max_batch_size: 8\ndynamic_batching {\n  max_queue_delay_microseconds: 5\n}\n");
}

TEST(RewriteConfig, is_not_led_astray_by_comments_and_texts) {
  EXPECT_EQ(in_place("# max_batch_size: 4\nname: \"a } max_batch_size: 5\" max_batch_size: 6 "
                     "# instance_group { count: 9 }",
                     run_as("onnxruntime", 1, 7)),
            "# max_batch_size: 4\nname: \"a } max_batch_size: 5\" max_batch_size: 7 "
            "# instance_group { count: 9 }\ndynamic_batching { }\n");
  EXPECT_EQ(in_place("name: 'it\\'s' ' # { '\nmax_batch_size: 2;", run_as("onnxruntime", 1, 1)),
            "name: 'it\\'s' ' # { '\nmax_batch_size: 1;");
}

TEST(RewriteConfig, writes_anew_what_it_cannot_change_in_place) {
  // A key that is written in pieces, and one of a list that is to go.
  for (const char* text :
       {"parameters { key: \"intra_op_\" \"thread_count\" value { string_value: \"1\" } }",
        "parameters [ { key: \"intra_op_thread_count\" value { string_value: \"1\" } }, "
        "{ key: \"image.color\" value { string_value: \"rgb\" } } ]"}) {
    RunSettings settings = run_as("onnxruntime", 1);
    settings.parameters = {{"intra_op_thread_count", ""}};
    const auto rewritten = rewrite_config(text, settings);
    ASSERT_TRUE(rewritten.ok());
    EXPECT_TRUE(rewritten->written_anew) << text;
    EXPECT_EQ(rewritten->text.find("thread_count"), std::string::npos);
    EXPECT_EQ(rewritten->text.find("image.color") == std::string::npos,
              std::string(text).find("image.color") == std::string::npos);
  }
}

TEST(RewriteConfig, refuses_what_is_no_configuration) {
  EXPECT_FALSE(rewrite_config("max_batch_size:", run_as("onnxruntime", 1, 1)).ok());
}

TEST(TextFields, end_with_the_text_whatever_it_is) {
  for (const char* text : {"a: \"", "a {", "a: [ {", "a: '\\", "a <", "{", "a", "a:", "#", "a: #",
                           "a { b: \"}\"", ": 1", "a }", "a: 1 }"}) {
    const std::string_view view(text);
    for (const TextField& field : fields_in(view, {0, view.size()})) {
      EXPECT_LE(field.whole.end, view.size());
      for (const TextRange message : messages_of(view, field)) {
        EXPECT_LE(message.begin, view.size() + 1);
        (void)fields_in(view,
                        {std::min(message.begin, view.size()), std::min(message.end, view.size())});
      }
    }
  }
}

}  // namespace
}  // namespace muster
