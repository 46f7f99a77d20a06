// SPDX-License-Identifier: Apache-2.0
// A batch of n gives what n batches of one give.
#include <cmath>
#include <random>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <muster/service.h>

namespace muster {
namespace {

constexpr std::int64_t kMostRows = 64;
constexpr std::size_t kRow = 28 * 28;
constexpr std::size_t kClasses = 10;

std::vector<float> random_rows(std::int64_t rows, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<float> values(static_cast<std::size_t>(rows) * kRow);
  for (float& value : values)
    value = static_cast<float>(random() >> 8U) / static_cast<float>(1U << 24U);
  return values;
}

std::vector<float> run(ModelService& service, std::span<const float> rows, std::int64_t count) {
  InferRequest request;
  request.add_input("input",
                    TensorView{DataType::kFp32, Shape{count, 1, 28, 28}, std::as_bytes(rows)});
  auto outcome = service.infer(std::move(request));
  EXPECT_TRUE(outcome.ok()) << outcome.status().to_string();
  if (!outcome.ok()) return {};
  EXPECT_EQ(outcome->outputs.front().tensor.shape(), (Shape{count, 10}));
  EXPECT_EQ(outcome->batch.rows, count);
  const auto logits = outcome->outputs.front().tensor.elements<float>();
  return {logits.begin(), logits.end()};
}

TEST(Differential, a_batch_of_n_equals_n_batches_of_one_for_1_to_64) {
  auto service = ModelService::open(std::string(MUSTER_SOURCE_DIR) + "/models/lenet");
  ASSERT_TRUE(service.ok()) << service.status().to_string();
  const std::vector<float> inputs = random_rows(kMostRows, 20);
  std::vector<float> alone;
  for (std::int64_t i = 0; i < kMostRows; ++i) {
    const auto row = std::span(inputs).subspan(static_cast<std::size_t>(i) * kRow, kRow);
    for (const float logit : run(**service, row, 1))
      alone.push_back(logit);
  }
  for (std::int64_t count = 1; count <= kMostRows; ++count) {
    const auto rows = std::span(inputs).first(static_cast<std::size_t>(count) * kRow);
    const std::vector<float> batched = run(**service, rows, count);
    ASSERT_EQ(batched.size(), static_cast<std::size_t>(count) * kClasses);
    for (std::size_t i = 0; i < batched.size(); ++i) {
      ASSERT_NEAR(batched[i], alone[i], 1e-5 * std::max(1.0F, std::abs(alone[i])))
          << "row " << i / kClasses << " of a batch of " << count;
    }
  }
}

}  // namespace
}  // namespace muster
