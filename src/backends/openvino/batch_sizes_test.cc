// SPDX-License-Identifier: Apache-2.0
// Batches of any size, whether one was compiled for it, none, or a larger one.
#include <gtest/gtest.h>

#include "backends/openvino/compile.h"
#include "backends/openvino/model.h"
#include "backends/openvino/testing/ir_file.h"
#include "backends/openvino/testing/onnx_graph.h"
#include "inference/shrink_policy.h"
#include "inference/testing/loaded_model.h"

namespace muster::openvino {
namespace {

using namespace onnx;

void expect_scaled(LoadedModel& loaded, std::int64_t rows) {
  std::vector<float> values;
  std::vector<float> expected;
  for (std::int64_t i = 0; i < rows; ++i) {
    values.insert(values.end(), {static_cast<float>(i + 1), static_cast<float>(rows)});
    expected.insert(expected.end(), {2 * static_cast<float>(i + 1), 3 * static_cast<float>(rows)});
  }
  ASSERT_TRUE(loaded.set(0, {rows, 2}, values).ok());
  const Status status = loaded.session->run();
  ASSERT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(loaded.output_shape(0), (Shape{rows, 2}));
  EXPECT_EQ(loaded.get<float>(0), expected);
}

TEST(BatchSizes, give_the_same_whether_compiled_for_or_not) {
  const TemporaryFolder folder;
  for (const char* sizes : {"none", "1,3", "1,2,3,4,5,64"}) {
    ModelConfig config;
    config.parameters["STATIC_BATCH_SIZES"] = sizes;
    LoadedModel loaded(write_ir(folder, 2, 3), config);
    ASSERT_NE(loaded.session, nullptr);
    for (const std::int64_t rows : {1, 3, 2, 3, 1, 64, 1, 200, 3})
      expect_scaled(loaded, rows);
  }
}

TEST(BatchSizes, are_fixed_where_a_small_model_says_nothing) {
  EXPECT_EQ(small_model_sizes(0), (std::vector<std::int64_t>{1, 2, 4, 8}));
  EXPECT_EQ(small_model_sizes(3), (std::vector<std::int64_t>{1, 2}));
}

std::vector<std::int64_t> compiled_sizes(const LoadedModel& loaded) {
  std::vector<std::int64_t> sizes;
  if (loaded.model == nullptr) return sizes;
  for (const Variant& variant : static_cast<const Model&>(*loaded.model).variants())
    sizes.push_back(variant.batch_size);
  return sizes;
}

TEST(BatchSizes, that_a_model_does_not_take_are_passed_over_where_nobody_asked_for_them) {
  const TemporaryFolder folder;
  const std::string file = write_groups_of_four(folder);
  LoadedModel loaded(file);
  EXPECT_EQ(compiled_sizes(loaded), (std::vector<std::int64_t>{kDynamicDim, 4, 8}));
  for (const std::int64_t rows : {4, 12, 8}) {
    const std::vector<float> values(static_cast<std::size_t>(rows) * 3, 1);
    ASSERT_TRUE(loaded.set(0, {rows, 3}, values).ok());
    ASSERT_TRUE(loaded.session->run().ok());
    EXPECT_EQ(loaded.output_shape(0), (Shape{rows / 4, 4, 3}));
    EXPECT_EQ(loaded.get<float>(0), values);
  }
}

TEST(BatchSizes, that_a_model_does_not_take_are_refused_where_they_were_asked_for) {
  const TemporaryFolder folder;
  const std::string file = write_groups_of_four(folder);
  ModelConfig config;
  config.parameters["STATIC_BATCH_SIZES"] = "4";
  EXPECT_EQ(compiled_sizes(LoadedModel(file, config)), (std::vector<std::int64_t>{kDynamicDim, 4}));
  config.parameters["STATIC_BATCH_SIZES"] = "1,4";
  EXPECT_NE(load_error(file, config).find("a fixed batch of 1"), std::string::npos);
}

// The runtime takes such groups out and would run any number of rows; ONNX Runtime refuses them as
// well.
TEST(BatchSizes, are_those_of_the_file_also_where_groups_are_made_and_undone) {
  const TemporaryFolder folder;
  const std::string file =
      folder.write("model.onnx", model(message(1, node("Reshape", {"x", "s"}, "g")) +
                                       message(1, node("Reshape", {"g", "t"}, "y")) +
                                       message(5, int64_tensor("s", {-1, 4, 3})) +
                                       message(5, int64_tensor("t", {-1, 3})) +
                                       message(11, value_info("x", 1, {"N", "3"})) +
                                       message(12, value_info("y", 1, {"N", "3"}))));
  LoadedModel loaded(file, without_batches());
  for (const std::int64_t rows : {3, 4, 2, 8}) {
    const std::vector<float> values(static_cast<std::size_t>(rows) * 3, static_cast<float>(rows));
    ASSERT_TRUE(loaded.set(0, {rows, 3}, values).ok());
    const Status status = loaded.session->run();
    EXPECT_EQ(status.ok(), rows % 4 == 0) << status.message();
    if (!status.ok()) continue;
    EXPECT_EQ(loaded.output_shape(0), (Shape{rows, 3}));
    EXPECT_EQ(loaded.get<float>(0), values);
  }
}

TEST(BatchSizes, are_not_fixed_where_the_open_axis_is_said_to_count_no_rows) {
  const TemporaryFolder folder;
  const std::string file = write_ir(folder, 2, 3);
  ModelConfig config;
  EXPECT_EQ(compiled_sizes(LoadedModel(file, config)).size(), 5U);
  config.parameter_lines["max_batch_size"] = 2;
  EXPECT_EQ(compiled_sizes(LoadedModel(file, config)), (std::vector<std::int64_t>{kDynamicDim}));
  config.batching.max_batch_size = 2;
  EXPECT_EQ(compiled_sizes(LoadedModel(file, config)),
            (std::vector<std::int64_t>{kDynamicDim, 1, 2}));
}

TEST(BatchSizes, cannot_be_fixed_where_more_than_the_batch_is_open) {
  ModelConfig config;
  config.parameters["STATIC_BATCH_SIZES"] = "1";
  EXPECT_NE(load_error(test_model("dynamic_hw.onnx"), config).find("not the one open axis"),
            std::string::npos);
}

TEST(BatchSizes, below_that_of_the_file_are_filled_up) {
  const TemporaryFolder folder;
  ModelConfig config;
  config.parameters["ENABLE_BATCH_PADDING"] = "YES";
  config.batching.max_batch_size = 4;
  LoadedModel loaded(write_ir(folder, 2, 3, "4"), config);
  ASSERT_NE(loaded.session, nullptr);
  EXPECT_TRUE(loaded.model->signature().has_batch_axis());
  for (const std::int64_t rows : {4, 1, 3, 2, 4})
    expect_scaled(loaded, rows);
  const auto more = loaded.session->prepare_input(0, {5, 2}, 40);
  EXPECT_EQ(more.status().message(),
            "input 'x' has 5 rows; the file's batch is 4, so set max_batch_size to no more");
  expect_scaled(loaded, 2);
}

TEST(BatchSizes, are_not_filled_up_unless_asked_for) {
  const TemporaryFolder folder;
  LoadedModel loaded(write_ir(folder, 2, 3, "4"));
  EXPECT_EQ(loaded.model->signature().inputs[0].shape, (Shape{4, 2}));
  ASSERT_TRUE(loaded.set<float>(0, {2, 2}, {1, 1, 1, 1}).ok());
  const Status status = loaded.session->run();
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("incompatible"), std::string_view::npos) << status.message();
  expect_scaled(loaded, 4);
}

TEST(BatchSizes, are_not_filled_up_where_that_cannot_be_right) {
  ModelConfig config;
  config.parameters["ENABLE_BATCH_PADDING"] = "YES";
  config.batching.max_batch_size = 8;
  EXPECT_NE(load_error(test_model("fixed_batch_4.onnx"), config).find("the file's batch is 4"),
            std::string::npos);
  EXPECT_NE(load_error(test_model("dynamic_hw.onnx"), config).find("same fixed batch size"),
            std::string::npos);
}

TEST(BatchSizes, open_where_the_configuration_gives_the_shapes) {
  const TemporaryFolder folder;
  ModelConfig config;
  config.parameters["RESHAPE_IO_LAYERS"] = "YES";
  config.inputs.push_back({"x", DataType::kFp32, Shape{-1, 2}, {}});
  LoadedModel loaded(write_ir(folder, 2, 3, "4"), config);
  ASSERT_NE(loaded.session, nullptr);
  EXPECT_TRUE(loaded.model->signature().has_batch_axis());
  for (const std::int64_t rows : {1, 4, 9})
    expect_scaled(loaded, rows);
  config.inputs[0].shape = Shape{-1, 3};
  EXPECT_NE(load_error(write_ir(folder, 2, 3, "4"), config).find("RESHAPE_IO_LAYERS: it does not"),
            std::string::npos);
}

TEST(BatchSizes, leave_the_session_ready_after_a_shape_that_does_not_fit) {
  const TemporaryFolder folder;
  LoadedModel loaded(write_ir(folder, 2, 3));
  expect_scaled(loaded, 3);
  ASSERT_TRUE(loaded.set<float>(0, {3, 1}, {1, 1, 1}).ok());
  EXPECT_EQ(loaded.session->run().code(), StatusCode::kInvalidArgument);
  EXPECT_FALSE(loaded.session->output(0).ok());
  expect_scaled(loaded, 3);
  EXPECT_FALSE(loaded.session->prepare_input(0, {2}, 8).ok());
  EXPECT_EQ(loaded.session->run().code(), StatusCode::kFailedPrecondition);
  expect_scaled(loaded, 3);
}

TEST(Memory, is_given_back_with_the_results_still_right) {
  const TemporaryFolder folder;
  LoadedModel loaded(write_ir(folder, 2, 3));
  expect_scaled(loaded, 5000);
  for (int i = 0; i < 3 * ShrinkPolicy::kSmallRuns; ++i)
    expect_scaled(loaded, 1 + i % 3);
  expect_scaled(loaded, 5000);
}

}  // namespace
}  // namespace muster::openvino
