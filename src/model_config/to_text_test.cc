// SPDX-License-Identifier: Apache-2.0
#include <string>

#include <gtest/gtest.h>

#include "model_config/model_config.h"
#include "model_config/testing/models.h"

namespace muster {
namespace {

Result<std::string> read_labels(std::string_view) {
  return std::string("0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n");
}

Result<ModelConfig> configured(std::string_view text, const ModelSignature& signature) {
  MUSTER_ASSIGN_OR_RETURN(const ParsedConfig parsed,
                          parse_model_config(text, {"config.pbtxt", ""}));
  return resolve(parsed, signature, {"onnxruntime", "1/model.onnx", read_labels});
}

void expect_same(const ModelConfig& a, const ModelConfig& b) {
  EXPECT_EQ(a.name, b.name);
  EXPECT_EQ(a.backend, b.backend);
  EXPECT_EQ(a.model_filename, b.model_filename);
  EXPECT_EQ(a.versions.kind, b.versions.kind);
  EXPECT_EQ(a.versions.latest, b.versions.latest);
  EXPECT_EQ(a.versions.specific, b.versions.specific);
  for (const auto specs : {&ModelConfig::inputs, &ModelConfig::outputs}) {
    ASSERT_EQ((a.*specs).size(), (b.*specs).size());
    for (std::size_t i = 0; i < (a.*specs).size(); ++i) {
      EXPECT_EQ((a.*specs)[i].name, (b.*specs)[i].name);
      EXPECT_EQ((a.*specs)[i].type, (b.*specs)[i].type);
      EXPECT_EQ((a.*specs)[i].shape, (b.*specs)[i].shape);
    }
  }
  EXPECT_EQ(a.batching.max_batch_size, b.batching.max_batch_size);
  EXPECT_EQ(a.batching.preferred_batch_sizes, b.batching.preferred_batch_sizes);
  EXPECT_EQ(a.batching.max_queue_delay, b.batching.max_queue_delay);
  EXPECT_EQ(a.batching.latency_target, b.batching.latency_target);
  EXPECT_EQ(a.batching.default_queue_policy, b.batching.default_queue_policy);
  EXPECT_EQ(a.batching.priority_levels, b.batching.priority_levels);
  EXPECT_EQ(a.batching.default_priority_level, b.batching.default_priority_level);
  EXPECT_EQ(a.batching.level_policies, b.batching.level_policies);
  EXPECT_EQ(a.dynamic_batching, b.dynamic_batching);
  EXPECT_EQ(a.instance_count, b.instance_count);
  EXPECT_EQ(a.parameters, b.parameters);
  EXPECT_EQ(a.stand_in.aside, b.stand_in.aside);
  EXPECT_EQ(a.stand_in.fallback_backend, b.stand_in.fallback_backend);
  EXPECT_EQ(a.stand_in.tolerance, b.stand_in.tolerance);
  EXPECT_EQ(a.labels, b.labels);
  EXPECT_EQ(a.label_files, b.label_files);
  EXPECT_EQ(a.image_from_config, b.image_from_config);
  EXPECT_EQ(a.activation, b.activation);
  ASSERT_EQ(a.image.has_value(), b.image.has_value());
  if (!a.image) return;
  EXPECT_EQ(a.image->color, b.image->color);
  EXPECT_EQ(a.image->layout, b.image->layout);
  EXPECT_EQ(a.image->type, b.image->type);
  EXPECT_EQ(a.image->height, b.image->height);
  EXPECT_EQ(a.image->width, b.image->width);
  EXPECT_EQ(a.image->scale, b.image->scale);
  EXPECT_EQ(a.image->mean, b.image->mean);
  EXPECT_EQ(a.image->std, b.image->std);
}

TEST(ToText, prints_the_configuration_as_understood) {
  const Result<ModelConfig> config = resolve(no_model_config("lenet"), testing::models()["lenet"],
                                             {"onnxruntime", "1/model.onnx", read_labels});
  ASSERT_TRUE(config.ok());
  EXPECT_EQ(to_text(*config), R"(name: "lenet"
max_batch_size: 64
input {
  name: "input"
  data_type: TYPE_FP32
  dims: [1, 28, 28]
}
output {
  name: "output"
  data_type: TYPE_FP32
  dims: [10]
  label_filename: "labels.txt"
}
instance_group {
  count: 1
  kind: KIND_CPU
}
dynamic_batching {
  max_queue_delay_microseconds: 0
  default_queue_policy {
    max_queue_size: 4096
  }
}
backend: "onnxruntime"
# Pictures, as the input's shape has it: grayscale nchw, 28 x 28 pixels (width x height), times 0.00392156862745098
)");
}

TEST(ToText, gives_the_same_when_it_is_parsed_again) {
  constexpr std::string_view kTexts[] = {
      "",
      "max_batch_size: 0",
      "name: \"a\\n\\\"b\\377\" max_batch_size: 8",
      R"(max_batch_size: 16 default_model_filename: "x.onnx"
         version_policy { specific { versions: [ 2, 1 ] } }
         output { name: "output" label_filename: "ten.txt" }
         dynamic_batching { preferred_batch_size: [ 8 ] max_queue_delay_microseconds: 7
           default_queue_policy { max_queue_size: 3 default_timeout_microseconds: 9 }
           priority_levels: 12 default_priority_level: 10
           priority_queue_policy { key: 11 value { max_queue_size: 1 timeout_action: DELAY } }
           priority_queue_policy { key: 2 value { default_timeout_microseconds: 8 } } }
         instance_group { count: 3 }
         optimization { graph { level: 2 } }
         parameters { key: "x" value { string_value: "y" } }
         parameters { key: "image.scale" value { string_value: "1/3" } }
         parameters { key: "image.mean" value { string_value: "33.318421" } }
         parameters { key: "classification.activation" value { string_value: "none" } })",
      R"(max_batch_size: 16 parameters { key: "latency_target_ms" value { string_value: "7.5" } })",
      R"(max_batch_size: 0 parameters { key: "latency_target_ms" value { string_value: "250" } })",
      R"(parameters { key: "build" value { string_value: "first" } }
         parameters { key: "fallback_backend" value { string_value: "openvino" } }
         parameters { key: "build_tolerance" value { string_value: "0.05" } })",
  };
  for (const std::string_view text : kTexts) {
    SCOPED_TRACE(text);
    const ModelSignature signature = testing::models()["lenet"];
    const Result<ModelConfig> once = configured(text, signature);
    ASSERT_TRUE(once.ok()) << once.status().message();
    const Result<ModelConfig> again = configured(to_text(*once), signature);
    ASSERT_TRUE(again.ok()) << again.status().message();
    expect_same(*once, *again);
  }
}

TEST(ToText, gives_the_same_for_every_model) {
  for (const auto& [name, signature] : testing::models()) {
    SCOPED_TRACE(name);
    const Result<ModelConfig> once =
        resolve(no_model_config(name), signature, {"onnxruntime", "1/model.onnx", nullptr});
    ASSERT_TRUE(once.ok()) << once.status().message();
    const Result<ModelConfig> again = configured(to_text(*once), signature);
    ASSERT_TRUE(again.ok()) << again.status().message();
    expect_same(*once, *again);
  }
}

}  // namespace
}  // namespace muster
