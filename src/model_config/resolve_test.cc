// SPDX-License-Identifier: Apache-2.0
#include <string>

#include <gtest/gtest.h>

#include "model_config/model_config.h"
#include "model_config/testing/models.h"

namespace muster {
namespace {

using Color = ImagePreprocessing::Color;
using Layout = ImagePreprocessing::Layout;

constexpr const char* kTenLabels =
    "zero\r\none\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\n\n";

ResolveContext context(std::string labels = "") {
  return {"onnxruntime", "models/lenet/1/model.onnx",
          [labels = std::move(labels)](std::string_view name) -> Result<std::string> {
            if (name == "labels.txt" && !labels.empty()) return labels;
            return not_found("no such file");
          }};
}

ModelConfig resolved(const ParsedConfig& parsed, std::string_view model,
                     const ResolveContext& with) {
  Result<ModelConfig> config = resolve(parsed, testing::models().find(model)->second, with);
  EXPECT_TRUE(config.ok()) << config.status().message();
  return config.ok() ? *std::move(config) : ModelConfig();
}

ModelConfig resolved(std::string_view text, std::string_view model = "lenet") {
  Result<ParsedConfig> parsed = parse_model_config(text, {"config.pbtxt", ""});
  EXPECT_TRUE(parsed.ok()) << parsed.status().message();
  return resolved(parsed.ok() ? *std::move(parsed) : no_model_config(""), model,
                  context(kTenLabels));
}

TEST(Resolve, configures_a_model_that_has_no_configuration) {
  const ModelConfig config = resolved(no_model_config("lenet"), "lenet", context(kTenLabels));
  EXPECT_EQ(config.name, "lenet");
  EXPECT_EQ(config.backend, "onnxruntime");
  EXPECT_EQ(config.batching.max_batch_size, kDefaultMaxBatchSize);
  EXPECT_EQ(config.batching.max_queue_delay.count(), 0);
  EXPECT_TRUE(config.dynamic_batching);
  EXPECT_EQ(config.instance_count, 1);
  EXPECT_EQ(config.labels.at("output").front(), "zero");
  EXPECT_EQ(config.labels.at("output").back(), "nine");
  EXPECT_EQ(config.label_files.at("output"), "labels.txt");
  ASSERT_TRUE(config.image.has_value());
  EXPECT_FALSE(config.image_from_config);
  EXPECT_EQ(config.image->color, Color::kGrayscale);
  EXPECT_EQ(config.image->layout, Layout::kNchw);
  EXPECT_EQ(config.image->height, 28);
  EXPECT_DOUBLE_EQ(config.image->scale, 1.0 / 255.0);
  EXPECT_EQ(config.config_file, "");
  EXPECT_TRUE(config.warnings.empty());
}

TEST(Resolve, needs_no_label_file) {
  EXPECT_TRUE(resolved(no_model_config("lenet"), "lenet", context()).labels.empty());
  EXPECT_TRUE(resolved(no_model_config("lenet"), "lenet", {}).labels.empty());
}

TEST(Resolve, refuses_a_label_file_of_another_model) {
  const Result<ModelConfig> config =
      resolve(no_model_config("lenet"), testing::models()["lenet"], context("cat\ndog\n"));
  EXPECT_EQ(config.status().message(),
            "models/lenet/1/model.onnx: labels.txt has 2 labels, but output 'output' has 10 "
            "classes; write one label a line");
}

TEST(Resolve, reads_only_the_label_files_that_a_configuration_names) {
  EXPECT_TRUE(resolved("name: \"lenet\"").labels.empty());
}

TEST(Resolve, batches_requests_as_the_configuration_says) {
  struct Row {
    std::string_view text;
    std::int64_t max_batch_size;
    bool dynamic_batching;
  };
  for (const Row& row :
       {Row{"", kDefaultMaxBatchSize, true}, Row{"max_batch_size: 0", 0, false},
        Row{"max_batch_size: 8", 8, false}, Row{"max_batch_size: 8 dynamic_batching { }", 8, true},
        Row{"dynamic_batching { }", kDefaultMaxBatchSize, true},
        Row{"input { name: 'input' dims: [ 1, 1, 28, 28 ] }", 0, false}}) {
    const ModelConfig config = resolved(row.text);
    EXPECT_EQ(config.batching.max_batch_size, row.max_batch_size) << row.text;
    EXPECT_EQ(config.dynamic_batching, row.dynamic_batching) << row.text;
  }
}

TEST(Resolve, runs_a_model_with_a_fixed_batch_axis_as_it_is) {
  const ModelConfig config = resolved("", "fixed_batch");
  EXPECT_EQ(config.batching.max_batch_size, 0);
  EXPECT_FALSE(config.dynamic_batching);
  EXPECT_FALSE(config.image.has_value());
}

TEST(Resolve, gives_the_tensors_in_the_models_order_and_narrowed) {
  const ModelConfig config = resolved(
      "input { name: 'mask' } input { name: 'ids' dims: [ 128 ] } output { name: 'pooled' }",
      "two_inputs");
  ASSERT_EQ(config.inputs.size(), 2U);
  EXPECT_EQ(config.inputs[0].name, "ids");
  EXPECT_EQ(config.inputs[0].shape, (Shape{kDynamicDim, 128}));
  EXPECT_EQ(config.inputs[0].type, DataType::kInt64);
  EXPECT_EQ(config.inputs[1].shape, (Shape{kDynamicDim, kDynamicDim}));
  ASSERT_EQ(config.outputs.size(), 1U);
  EXPECT_EQ(config.outputs[0].name, "pooled");
}

TEST(Resolve, takes_narrowed_dims_for_the_size_of_pictures) {
  EXPECT_FALSE(resolved("", "any_picture").image.has_value());
  const ModelConfig config =
      resolved("input { name: 'pixels' dims: [ 3, 96, 128 ] }", "any_picture");
  ASSERT_TRUE(config.image.has_value());
  EXPECT_EQ(config.image->color, Color::kRgb);
  EXPECT_EQ(config.image->height, 96);
  EXPECT_EQ(config.image->width, 128);
}

TEST(Resolve, completes_pictures_from_parameters) {
  const ModelConfig config = resolved(R"(
      parameters { key: "image.color" value { string_value: "bgr" } }
      parameters { key: "image.width" value { string_value: "64" } }
      parameters { key: "image.height" value { string_value: "32" } }
      parameters { key: "image.scale" value { string_value: " 1/255 " } }
      parameters { key: "image.mean" value { string_value: "123.675, 116.28, 103.53" } }
      parameters { key: "image.std" value { string_value: "0.5" } })",
                                      "any_picture");
  ASSERT_TRUE(config.image.has_value());
  EXPECT_TRUE(config.image_from_config);
  EXPECT_EQ(config.image->color, Color::kBgr);
  EXPECT_EQ(config.image->width, 64);
  EXPECT_EQ(config.image->height, 32);
  EXPECT_DOUBLE_EQ(config.image->scale, 1.0 / 255.0);
  EXPECT_EQ(config.image->mean, (std::array{123.675, 116.28, 103.53}));
  EXPECT_EQ(config.image->std, (std::array{0.5, 0.5, 0.5}));
}

TEST(Resolve, takes_pixels_as_they_are_for_a_uint8_model) {
  const ModelConfig config = resolved("", "uint8_picture");
  ASSERT_TRUE(config.image.has_value());
  EXPECT_EQ(config.image->layout, Layout::kNhwc);
  EXPECT_EQ(config.image->type, DataType::kUint8);
  EXPECT_DOUBLE_EQ(config.image->scale, 1.0);
}

constexpr std::string_view kScaledPixels = R"(
    input { name: "pixels" data_type: TYPE_UINT8 dims: [ 224, 224, 3 ] }
    parameters { key: "image.mean" value { string_value: "123.675, 116.28, 103.53" } })";

ParsedConfig parsed_pixels(std::string_view text) {
  return parse_model_config("max_batch_size: 8\n" + std::string(text), {"config.pbtxt", ""})
      .value();
}

TEST(Resolve, tells_how_pixels_are_to_be_scaled_by_the_backend) {
  const std::optional<PixelScaling> pixels = scaled_pixels(parsed_pixels(kScaledPixels));
  ASSERT_TRUE(pixels.has_value());
  EXPECT_DOUBLE_EQ(pixels->scale, 1.0 / 255.0);
  EXPECT_EQ(pixels->mean, (std::vector{123.675, 116.28, 103.53}));
  EXPECT_EQ(pixels->std, std::vector{1.0});
  // Nothing is said of it, or the model takes what was scaled already.
  EXPECT_FALSE(scaled_pixels(no_model_config("m")).has_value());
  EXPECT_FALSE(
      scaled_pixels(
          parsed_pixels(R"(input { name: "pixels" data_type: TYPE_UINT8 dims: [ 224, 224, 3 ] })"))
          .has_value());
  std::string floats(kScaledPixels);
  floats.replace(floats.find("UINT8"), 5, "FP32");
  EXPECT_FALSE(scaled_pixels(parsed_pixels(floats)).has_value());
}

TEST(Resolve, takes_the_numbers_of_pixels_where_the_backend_scales_them) {
  const ModelSignature signature = testing::models()["uint8_picture"];
  ResolveContext scaling = context();
  EXPECT_FALSE(resolve(parsed_pixels(kScaledPixels), signature, scaling).ok());
  scaling.scales_pixels = true;
  const ModelConfig config = resolve(parsed_pixels(kScaledPixels), signature, scaling).value();
  EXPECT_EQ(config.image->type, DataType::kUint8);
  EXPECT_DOUBLE_EQ(config.image->scale, 1.0 / 255.0);
  EXPECT_EQ(config.image->mean[2], 103.53);
  // The text says it all again.
  const auto again = parse_model_config(to_text(config), {"config.pbtxt", ""});
  ASSERT_TRUE(again.ok()) << again.status().message();
  ASSERT_TRUE(scaled_pixels(*again).has_value());
  EXPECT_EQ(scaled_pixels(*again)->mean, (std::vector{123.675, 116.28, 103.53}));
}

TEST(Resolve, finds_no_pictures_in_a_model_of_words) {
  EXPECT_FALSE(resolved("", "two_inputs").image.has_value());
}

TEST(Resolve, passes_over_names_that_exporters_number) {
  ModelSignature signature = testing::models()["detector"];
  signature.outputs[0].dim_names[0] = "boxes_dim_0";
  const Result<ModelConfig> config = resolve(no_model_config("detector"), signature, context());
  ASSERT_TRUE(config.ok());
  EXPECT_EQ(config->batching.max_batch_size, kDefaultMaxBatchSize);
}

}  // namespace
}  // namespace muster
