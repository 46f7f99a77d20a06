// SPDX-License-Identifier: Apache-2.0
// What a model gives for shapes that come, and what it does not take: never an answer of another
// run.
#include "backends/openvino/known_shapes.h"

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <openvino/runtime/core.hpp>

#include "backends/openvino/model.h"
#include "backends/openvino/testing/ir_file.h"
#include "backends/openvino/testing/onnx_graph.h"
#include "inference/testing/loaded_model.h"

namespace muster::openvino {
namespace {

using namespace onnx;

std::vector<float> counted(std::int64_t elements, float from) {
  std::vector<float> values;
  for (std::int64_t i = 0; i < elements; ++i)
    values.push_back(from + static_cast<float>(i));
  return values;
}

Status run_groups(LoadedModel& loaded, std::int64_t rows, float from) {
  MUSTER_RETURN_IF_ERROR(loaded.set(0, {rows, 3}, counted(rows * 3, from)));
  return loaded.session->run();
}

void expect_groups(LoadedModel& loaded, std::int64_t rows, float from) {
  const Status status = run_groups(loaded, rows, from);
  ASSERT_TRUE(status.ok()) << rows << ": " << status.message();
  EXPECT_EQ(loaded.output_shape(0), (Shape{rows / 4, 4, 3}));
  EXPECT_EQ(loaded.get<float>(0), counted(rows * 3, from));
}

KnownShapes& known_shapes_of(const LoadedModel& loaded) {
  return *static_cast<const Model&>(*loaded.model).known_shapes();
}

TEST(ShapesOfRuns, that_the_model_does_not_take_are_refused_with_one_thread_or_two) {
  const TemporaryFolder folder;
  const std::string file = write_groups_of_four(folder);
  for (const int threads : {1, 2}) {
    LoadedModel loaded(file, without_batches(), threads);
    float from = 0;
    for (const std::int64_t rows : {1, 4, 3, 6, 8, 2, 2, 4, 12, 2, 12, 12}) {
      from += 1000;
      if (rows % 4 == 0) {
        expect_groups(loaded, rows, from);
        continue;
      }
      const Status status = run_groups(loaded, rows, from);
      EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << rows;
      const std::string shapes = "'x' [" + std::to_string(rows) + ",3]: ";
      EXPECT_NE(status.message().find(shapes), std::string_view::npos) << status.message();
      EXPECT_NE(status.message().find("do not evenly divide"), std::string_view::npos);
      EXPECT_FALSE(loaded.session->output(0).ok());
    }
  }
}

TEST(ShapesOfRuns, are_refused_where_batches_are_compiled_for_some_sizes_alone) {
  const TemporaryFolder folder;
  LoadedModel loaded(write_groups_of_four(folder));
  for (const std::int64_t rows : {4, 2, 8, 10, 16, 1}) {
    if (rows % 4 == 0) {
      expect_groups(loaded, rows, 7);
    } else {
      EXPECT_EQ(run_groups(loaded, rows, 7).code(), StatusCode::kInvalidArgument) << rows;
    }
  }
}

TEST(ShapesOfRuns, are_inferred_once_for_all_sessions) {
  const TemporaryFolder folder;
  LoadedModel loaded(write_groups_of_four(folder), without_batches());
  const KnownShapes& known = known_shapes_of(loaded);
  EXPECT_EQ(known.inferences(), 0U);
  for (int i = 0; i < 3; ++i) {
    expect_groups(loaded, 4, 1);
    expect_groups(loaded, 8, 1);
    EXPECT_FALSE(run_groups(loaded, 2, 1).ok());
  }
  EXPECT_EQ(known.inferences(), 3U);
  loaded.session = loaded.model->new_session().value();
  expect_groups(loaded, 8, 1);
  EXPECT_FALSE(run_groups(loaded, 2, 1).ok());
  EXPECT_EQ(known.inferences(), 3U);
}

TEST(ShapesOfRuns, are_inferred_with_all_open_axes) {
  const TemporaryFolder folder;
  // y: x [-1,3,-1,-1] as rows of four pixels for each channel.
  const std::string file =
      folder.write("model.onnx", model(message(1, node("Reshape", {"x", "s"}, "y")) +
                                       message(5, int64_tensor("s", {0, 3, -1, 4})) +
                                       message(11, value_info("x", 1, {"N", "3", "H", "W"})) +
                                       message(12, value_info("y", 1, {"N", "3", "K", "4"}))));
  LoadedModel loaded(file);
  const auto run = [&](std::int64_t images, std::int64_t height, std::int64_t width) {
    const auto values = counted(images * 3 * height * width, 1);
    EXPECT_TRUE(loaded.set(0, {images, 3, height, width}, values).ok());
    const Status status = loaded.session->run();
    if (!status.ok()) return Shape{};
    EXPECT_EQ(loaded.get<float>(0), values);
    return loaded.output_shape(0);
  };
  EXPECT_EQ(run(1, 2, 2), (Shape{1, 3, 1, 4}));
  EXPECT_EQ(run(1, 3, 3), Shape{});
  EXPECT_EQ(run(2, 6, 2), (Shape{2, 3, 3, 4}));
  EXPECT_EQ(run(2, 1, 2), Shape{});
  EXPECT_EQ(run(2, 2, 6), (Shape{2, 3, 3, 4}));
}

TEST(ShapesOfRuns, that_values_decide_are_checked_as_far_as_they_are_known) {
  const TemporaryFolder folder;
  const std::string file =
      folder.write("model.onnx", model(message(1, node("NonZero", {"x"}, "y")) +
                                       message(11, value_info("x", 1, {"N", "3"})) +
                                       message(12, value_info("y", 7, {"2", "K"}))));
  LoadedModel loaded(file, without_batches());
  const auto run = [&](const std::vector<float>& values) {
    const auto rows = static_cast<std::int64_t>(values.size()) / 3;
    EXPECT_TRUE(loaded.set(0, {rows, 3}, values).ok());
    EXPECT_TRUE(loaded.session->run().ok());
    return loaded.output_shape(0);
  };
  EXPECT_EQ(run({0, 1, 0}), (Shape{2, 1}));
  EXPECT_EQ(run({1, 1, 1}), (Shape{2, 3}));
  EXPECT_EQ(run({1, 1, 1, 0, 0, 1}), (Shape{2, 4}));
  EXPECT_EQ(known_shapes_of(loaded).inferences(), 2U);
}

// No shape tells here what does not fit, and the run itself must.
TEST(ShapesOfRuns, that_values_make_impossible_fail_and_leave_the_session_ready) {
  const TemporaryFolder folder;
  const std::string file =
      folder.write("model.onnx", model(message(1, node("Reshape", {"x", "s"}, "y")) +
                                       message(11, value_info("x", 1, {"N", "3"})) +
                                       message(11, value_info("s", 7, {"3"})) +
                                       message(12, value_info("y", 1, {"A", "B", "C"}))));
  LoadedModel loaded(file, without_batches());
  const auto run = [&](std::int64_t rows, const std::vector<std::int64_t>& shape) {
    EXPECT_TRUE(loaded.set(0, {rows, 3}, counted(rows * 3, 1)).ok());
    EXPECT_TRUE(loaded.set(1, {3}, shape).ok());
    return loaded.session->run();
  };
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(run(4, {-1, 4, 3}).ok());
    EXPECT_EQ(loaded.output_shape(0), (Shape{1, 4, 3}));
    // Of a shape that ran before, and of a new one.
    EXPECT_FALSE(run(4, {-1, 5, 3}).ok());
    EXPECT_FALSE(run(2, {-1, 4, 3}).ok());
    EXPECT_FALSE(loaded.session->output(0).ok());
    loaded.session = loaded.model->new_session().value();
    ASSERT_TRUE(run(2, {2, 1, 3}).ok());
    EXPECT_EQ(loaded.output_shape(0), (Shape{2, 1, 3}));
    EXPECT_EQ(loaded.get<float>(0), counted(6, 1));
  }
}

TEST(ShapesOfRuns, are_not_inferred_where_all_are_fixed) {
  const TemporaryFolder folder;
  const LoadedModel loaded(write_ir(folder, 2, 3, "4"));
  EXPECT_EQ(static_cast<const Model&>(*loaded.model).known_shapes(), nullptr);
}

// Without a backend: what is known of a model of groups of four.
struct KnownGroups {
  explicit KnownGroups(std::size_t limit = kMaxKnownShapes)
      : known(Skeleton::of(*core.read_model(write_groups_of_four(folder))).value(), limit) {}

  // The rows of the output; -1: refused.
  std::int64_t groups_of(std::int64_t rows) {
    const std::vector<Shape> shapes = {{rows, 3}};
    const auto verdict = known.of(shapes).value();
    return verdict->refusal.ok() ? verdict->outputs[0][0].get_length() : -1;
  }

  TemporaryFolder folder;
  ov::Core core;
  KnownShapes known;
};

TEST(KnownShapes, are_at_most_the_limit_and_the_longest_unasked_goes) {
  KnownGroups test(3);
  for (const std::int64_t rows : {4, 2, 8, 4, 12})
    EXPECT_EQ(test.groups_of(rows), rows % 4 == 0 ? rows / 4 : -1);
  EXPECT_EQ(test.known.size(), 3U);
  EXPECT_EQ(test.known.inferences(), 4U);
  // 2 went for 12; what was asked for since is there.
  for (const std::int64_t rows : {4, 8, 12})
    EXPECT_EQ(test.groups_of(rows), rows / 4);
  EXPECT_EQ(test.known.inferences(), 4U);
  EXPECT_EQ(test.groups_of(2), -1);
  EXPECT_EQ(test.known.inferences(), 5U);
  EXPECT_EQ(test.known.size(), 3U);
}

TEST(KnownShapes, are_inferred_once_by_threads_that_bring_the_same) {
  KnownGroups test;
  const auto ask = [&] {
    for (std::int64_t rows = 1; rows <= 64; ++rows)
      EXPECT_EQ(test.groups_of(rows), rows % 4 == 0 ? rows / 4 : -1);
  };
  std::thread other(ask);
  ask();
  other.join();
  EXPECT_EQ(test.known.inferences(), 64U);
  EXPECT_EQ(test.known.size(), 64U);
}

TEST(KnownShapes, agree_with_what_is_open_and_with_nothing_else) {
  EXPECT_TRUE(agrees({2, -1}, {2, 9}));
  EXPECT_FALSE(agrees({2, -1}, {3, 9}));
  EXPECT_FALSE(agrees({2, -1}, {2}));
  EXPECT_FALSE(agrees({2}, {2, 1}));
  EXPECT_TRUE(agrees({ov::Dimension(0, 4)}, {4}));
  EXPECT_FALSE(agrees({ov::Dimension(0, 4)}, {5}));
  EXPECT_TRUE(agrees(ov::PartialShape::dynamic(), {7, 7}));
}

TEST(Skeleton, holds_no_weights_and_infers_the_same) {
  ov::Core core;
  const auto model = core.read_model(MUSTER_SOURCE_DIR "/models/lenet/1/model.onnx");
  const std::vector<std::shared_ptr<ov::Node>> before = model->get_ordered_ops();
  Skeleton skeleton = Skeleton::of(*model).value();
  // Of 178 kB.
  EXPECT_LT(skeleton.kept_bytes(), std::size_t{16} << 10);
  EXPECT_EQ(model->get_ordered_ops(), before);
  const std::vector<Shape> shapes = {{5, 1, 28, 28}};
  EXPECT_EQ(skeleton.infer(shapes).value(), (std::vector{ov::PartialShape{5, 10}}));
}

}  // namespace
}  // namespace muster::openvino
