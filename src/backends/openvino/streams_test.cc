// SPDX-License-Identifier: Apache-2.0
// Runs of two sessions of one model that take place at the same time.
#include <algorithm>
#include <atomic>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <openvino/runtime/properties.hpp>

#include "backends/openvino/model.h"
#include "backends/openvino/testing/onnx_graph.h"
#include "inference/testing/loaded_model.h"

namespace muster::openvino {
namespace {

using namespace onnx;

constexpr std::int64_t kWidth = 512;
// So many take a processor tens of milliseconds.
constexpr std::int64_t kManyRows = 20000;
// Runs of one row that end while one of many rows is under way. A few could slip in before it.
constexpr int kAtLeast = 10;

// y = x * w, where each element of w is 1: an element of y is the sum of a row of x.
std::string write_row_sums(const TemporaryFolder& folder) {
  const std::string width = std::to_string(kWidth);
  constexpr float kOne = 1;
  std::string weights;
  for (std::int64_t i = 0; i < kWidth * kWidth; ++i)
    weights.append(reinterpret_cast<const char*>(&kOne), sizeof(kOne));
  const std::string tensor =
      number(1, kWidth) + number(1, kWidth) + number(2, 1) + message(8, "w") + message(9, weights);
  return folder.write("model.onnx",
                      model(message(1, node("MatMul", {"x", "w"}, "y")) + message(5, tensor) +
                            message(11, value_info("x", 1, {"N", width})) +
                            message(12, value_info("y", 1, {"N", width}))));
}

// Whether rows of `value` give what they should.
bool runs_right(Session& session, std::int64_t rows, float value) {
  const Shape shape{rows, kWidth};
  const auto input =
      session.prepare_input(0, shape, static_cast<std::size_t>(rows * kWidth) * sizeof(float));
  if (!input.ok()) return false;
  const std::span elements(reinterpret_cast<float*>(input->data()), input->size() / sizeof(float));
  std::ranges::fill(elements, value);
  if (!session.run().ok()) return false;
  const auto output = session.output(0);
  return output.ok() && output->shape == shape &&
         std::ranges::all_of(output->elements<float>(), [&](float element) {
           return element == value * static_cast<float>(kWidth);
         });
}

TEST(Streams, of_two_instances_run_at_the_same_time) {
  const TemporaryFolder folder;
  ModelConfig config;
  // Both sizes on one and the same compiled model.
  config.parameters["STATIC_BATCH_SIZES"] = "none";
  const std::unique_ptr<Backend> backend = backend_under_test();
  const auto loaded = backend->load({write_row_sums(folder), &config, 1, 2});
  ASSERT_TRUE(loaded.ok()) << loaded.status().message();
  const auto& variants = static_cast<const Model&>(**loaded).variants();
  ASSERT_EQ(variants.size(), 1U);
  EXPECT_EQ(variants[0].compiled.get_property(ov::num_streams), ov::streams::Num(2));
  const std::unique_ptr<Session> large = (*loaded)->new_session().value();
  const std::unique_ptr<Session> small = (*loaded)->new_session().value();
  // What is made at the first run of a shape is made before.
  ASSERT_TRUE(runs_right(*large, kManyRows, 1));
  ASSERT_TRUE(runs_right(*small, 1, 1));

  std::atomic<bool> begun = false;
  std::atomic<bool> ended = false;
  std::atomic<bool> large_right = false;
  std::thread other([&] {
    const Shape shape{kManyRows, kWidth};
    const auto input = large->prepare_input(
        0, shape, static_cast<std::size_t>(kManyRows * kWidth) * sizeof(float));
    begun = true;
    const bool ran = input.ok() && large->run().ok();
    ended = true;
    large_right = ran && large->output(0)->elements<float>().back() == kWidth;
  });
  int meanwhile = 0;
  bool small_right = true;
  while (!begun)
    std::this_thread::yield();
  for (float value = 2; !ended; value = value < 100 ? value + 1 : 2) {
    small_right = runs_right(*small, 1, value) && small_right;
    if (!ended) ++meanwhile;
  }
  other.join();
  EXPECT_TRUE(large_right);
  EXPECT_TRUE(small_right);
  EXPECT_GE(meanwhile, kAtLeast);
}

}  // namespace
}  // namespace muster::openvino
