// SPDX-License-Identifier: Apache-2.0
#include "serving/warm_up.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/testing/fake_clock.h"
#include "serving/testing/fake_models.h"

namespace muster::testing {
namespace {

using Sizes = std::vector<std::int64_t>;

BatchingOptions batches_of(std::int64_t largest, Sizes preferred = {}) {
  BatchingOptions batching;
  batching.max_batch_size = largest;
  batching.preferred_batch_sizes = std::move(preferred);
  return batching;
}

// The rows of each run, with `cost` for each.
Sizes runs(std::int64_t largest, std::chrono::seconds cost, std::chrono::seconds limit,
           std::size_t* left = nullptr) {
  FakeClock clock;
  auto model = linear_model();
  const auto compute = model->compute;
  model->compute = [&](const Inputs& inputs) {
    clock.advance(cost);
    return compute(inputs);
  };
  ModelConfig config;
  config.batching = batches_of(largest);
  config.outputs = model->signature.outputs;
  const WarmUpFindings findings =
      warm_up(FakeCompiledModel(model), config, WarmUpExtent::kEverySize, WarmUpPace::kQuick, clock,
              clock.now() + limit);
  EXPECT_EQ(findings.not_tried, "");
  EXPECT_EQ(findings.not_mergeable, "");
  if (left != nullptr) *left = findings.sizes_left;
  Sizes sizes;
  for (const auto& run : model->runs())
    sizes.push_back(run[0][0]);
  return sizes;
}

TEST(WarmUpSizes, are_all_up_to_a_bound_and_powers_of_two_above_it) {
  Sizes sizes = warm_up_sizes(batches_of(300, {200}), WarmUpExtent::kEverySize).rows;
  std::ranges::sort(sizes);
  Sizes expected;
  for (std::int64_t rows = 1; rows <= kEverySizeUpTo; ++rows)
    expected.push_back(rows);
  expected.insert(expected.end(), {200, 256, 300});
  EXPECT_EQ(sizes, expected);
}

TEST(WarmUpSizes, begin_with_those_that_matter_most) {
  const WarmUpSizes sizes = warm_up_sizes(batches_of(8, {6}), WarmUpExtent::kEverySize);
  EXPECT_EQ(sizes.rows, (Sizes{1, 2, 8, 6, 4, 3, 5, 7}));
  EXPECT_EQ(sizes.essential, 5U);
}

TEST(WarmUpSizes, are_one_and_two_for_a_probe) {
  EXPECT_EQ(warm_up_sizes(batches_of(8), WarmUpExtent::kProbe).rows, (Sizes{1, 2}));
  EXPECT_EQ(warm_up_sizes(batches_of(1), WarmUpExtent::kProbe).rows, (Sizes{1}));
  EXPECT_EQ(warm_up_sizes(batches_of(0), WarmUpExtent::kEverySize).rows, (Sizes{1}));
}

TEST(WarmUp, runs_every_size_where_there_is_time) {
  std::size_t left = 1;
  EXPECT_EQ(runs(4, std::chrono::seconds(1), std::chrono::seconds(100), &left),
            (Sizes{1, 2, 4, 3}));
  EXPECT_EQ(left, 0U);
}

TEST(WarmUp, runs_the_essential_sizes_where_there_is_none) {
  std::size_t left = 0;
  EXPECT_EQ(runs(8, std::chrono::seconds(1), std::chrono::seconds(0), &left), (Sizes{1, 2, 8, 4}));
  EXPECT_EQ(left, 4U);
  EXPECT_EQ(runs(8, std::chrono::seconds(1), std::chrono::seconds(5), &left),
            (Sizes{1, 2, 8, 4, 3}));
  EXPECT_EQ(left, 3U);
}

// Time goes on only while somebody works or waits.
class WorkClock final : public Clock {
 public:
  [[nodiscard]] TimePoint now() noexcept override { return now_; }
  void wait_until(CondVar&, MutexLock&, TimePoint until) override {
    waits.push_back(until - now_);
    now_ = until;
  }
  void work(Duration length) { now_ += length; }

  std::vector<Duration> waits;

 private:
  TimePoint now_{};
};

TEST(WarmUp, leaves_the_processor_to_others_between_runs_where_an_older_version_answers) {
  WorkClock clock;
  auto model = linear_model();
  const auto compute = model->compute;
  bool is_first = true;
  model->compute = [&](const Inputs& inputs) {
    clock.work(std::chrono::milliseconds(std::exchange(is_first, false) ? 1 : 20));
    return compute(inputs);
  };
  ModelConfig config;
  config.batching = batches_of(2);
  config.outputs = model->signature.outputs;
  const WarmUpFindings findings =
      warm_up(FakeCompiledModel(model), config, WarmUpExtent::kEverySize, WarmUpPace::kGentle,
              clock, Clock::kForever);
  EXPECT_EQ(findings.not_tried, "");
  EXPECT_EQ(clock.waits,
            (std::vector<Clock::Duration>{std::chrono::milliseconds(2), kLongestPause}));
}

}  // namespace
}  // namespace muster::testing
