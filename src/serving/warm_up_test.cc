// SPDX-License-Identifier: Apache-2.0
#include "serving/warm_up.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/testing/fake_clock.h"
#include "serving/testing/fake_models.h"

namespace muster::testing {
namespace {

using namespace std::chrono_literals;
using Sizes = std::vector<std::int64_t>;

BatchingOptions batches_of(std::int64_t largest, Sizes preferred = {}) {
  BatchingOptions batching;
  batching.max_batch_size = largest;
  batching.preferred_batch_sizes = std::move(preferred);
  return batching;
}

// What a run costs, of so many rows, the first of its size or not.
using Cost = std::function<Clock::Duration(std::int64_t rows, bool is_first)>;

Cost costs(Clock::Duration first, Clock::Duration again) {
  return [=](std::int64_t, bool is_first) { return is_first ? first : again; };
}

struct Outcome {
  Sizes runs;  // the rows of each
  std::size_t left = 0;
  std::size_t spared = 0;
};

Outcome warm_up_of(const BatchingOptions& batching, const Cost& cost, std::chrono::seconds limit,
                   std::optional<std::chrono::seconds> essential = {}) {
  FakeClock clock;
  auto model = linear_model();
  const auto compute = model->compute;
  std::set<std::int64_t> seen;
  model->compute = [&](const Inputs& inputs) {
    const std::int64_t rows = inputs[0].shape[0];
    clock.advance(cost(rows, seen.insert(rows).second));
    return compute(inputs);
  };
  ModelConfig config;
  config.batching = batching;
  config.outputs = model->signature.outputs;
  const WarmUpFindings findings =
      warm_up(FakeCompiledModel(model), config, WarmUpExtent::kEverySize, WarmUpPace::kQuick, clock,
              {.essential = essential ? clock.now() + *essential : Clock::kForever,
               .rest = clock.now() + limit});
  EXPECT_EQ(findings.not_tried, "");
  EXPECT_EQ(findings.not_mergeable, "");
  Outcome outcome{{}, findings.sizes_left, findings.sizes_spared};
  for (const auto& run : model->runs())
    outcome.runs.push_back(run[0][0]);
  return outcome;
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
  EXPECT_EQ(sizes.samples, 0U);  // 6 is there already
}

TEST(WarmUpSizes, go_on_with_samples_of_those_between_powers_of_two) {
  const WarmUpSizes sizes = warm_up_sizes(batches_of(128), WarmUpExtent::kEverySize);
  EXPECT_EQ(sizes.essential, 8U);
  EXPECT_EQ(sizes.samples, 3U);
  EXPECT_EQ(Sizes(sizes.rows.begin() + 8, sizes.rows.begin() + 11), (Sizes{96, 24, 6}));
}

TEST(WarmUpSizes, are_one_and_two_for_a_probe) {
  EXPECT_EQ(warm_up_sizes(batches_of(8), WarmUpExtent::kProbe).rows, (Sizes{1, 2}));
  EXPECT_EQ(warm_up_sizes(batches_of(1), WarmUpExtent::kProbe).rows, (Sizes{1}));
  EXPECT_EQ(warm_up_sizes(batches_of(0), WarmUpExtent::kEverySize).rows, (Sizes{1}));
}

constexpr std::chrono::seconds kAnyTime{100};

TEST(WarmUp, runs_every_size_where_a_sample_is_slower_the_first_time) {
  const Outcome outcome = warm_up_of(batches_of(8), costs(2s, 1s), kAnyTime);
  EXPECT_EQ(outcome.runs, (Sizes{1, 2, 8, 4, 6, 6, 3, 5, 7}));
  EXPECT_EQ(outcome.left, 0U);
  EXPECT_EQ(outcome.spared, 0U);
}

TEST(WarmUp, ends_with_the_samples_where_none_is_slower_the_first_time) {
  const Outcome outcome = warm_up_of(batches_of(8), costs(3s, 2s), kAnyTime);
  EXPECT_EQ(outcome.runs, (Sizes{1, 2, 8, 4, 6, 6}));
  EXPECT_EQ(outcome.left, 0U);
  EXPECT_EQ(outcome.spared, 3U);
}

TEST(WarmUp, ends_with_the_samples_where_the_first_run_is_slower_by_next_to_nothing) {
  const Outcome little = warm_up_of(batches_of(8), costs(300us, 100us), kAnyTime);
  EXPECT_EQ(little.spared, 3U);
  const Outcome more = warm_up_of(batches_of(8), costs(301us, 100us), kAnyTime);
  EXPECT_EQ(more.spared, 0U);
}

TEST(WarmUp, goes_by_most_of_the_samples) {
  for (const auto& [slow, spared] :
       {std::pair(Sizes{96}, 117U), std::pair(Sizes{96, 6}, 0U), std::pair(Sizes{}, 117U)}) {
    const auto cost = [slow = slow](std::int64_t rows, bool is_first) {
      return is_first && std::ranges::find(slow, rows) != slow.end() ? 9s : 1s;
    };
    EXPECT_EQ(warm_up_of(batches_of(128), cost, 1000s).spared, spared) << slow.size();
  }
}

TEST(WarmUp, runs_every_size_where_no_sample_could_tell) {
  const Outcome no_sample = warm_up_of(batches_of(8, {6}), costs(1s, 1s), kAnyTime);
  EXPECT_EQ(no_sample.runs, (Sizes{1, 2, 8, 6, 4, 3, 5, 7}));
  const Outcome no_time = warm_up_of(batches_of(4), costs(0s, 0s), kAnyTime);
  EXPECT_EQ(no_time.runs, (Sizes{1, 2, 4, 3, 3}));
}

TEST(WarmUp, runs_the_essential_sizes_where_there_is_no_time) {
  const Outcome none = warm_up_of(batches_of(8), costs(2s, 1s), 0s);
  EXPECT_EQ(none.runs, (Sizes{1, 2, 8, 4}));
  EXPECT_EQ(none.left, 4U);
  const Outcome little = warm_up_of(batches_of(8), costs(2s, 1s), 9s);
  EXPECT_EQ(little.runs, (Sizes{1, 2, 8, 4, 6, 6}));
  EXPECT_EQ(little.left, 3U);
}

Cost costs_by_row(Clock::Duration row) {
  return [=](std::int64_t rows, bool) { return rows * row; };
}

TEST(WarmUp, leaves_essential_sizes_that_would_not_be_over_in_time) {
  // 64 rows would take 64 seconds of 60, all that is smaller 63.
  const Outcome outcome = warm_up_of(batches_of(64), costs_by_row(1s), kAnyTime, 60s);
  EXPECT_EQ(outcome.runs, (Sizes{1, 2, 4, 8, 16}));
  EXPECT_EQ(outcome.left, 2U + 57U);
  const Outcome all = warm_up_of(batches_of(64), costs_by_row(1s), 0s, 127s);
  EXPECT_EQ(all.runs, (Sizes{1, 2, 64, 4, 8, 16, 32}));
}

TEST(WarmUp, probes_whatever_the_time) {
  const Outcome outcome = warm_up_of(batches_of(8), costs_by_row(1s), 0s, 0s);
  EXPECT_EQ(outcome.runs, (Sizes{1, 2}));
  EXPECT_EQ(outcome.left, 6U);
}

TEST(WarmUp, foresees_time_by_the_run_before) {
  // The first runs make ready what all share.
  const auto cost = [](std::int64_t rows, bool) {
    return rows <= 2 ? Clock::Duration(10s) : Clock::Duration(1s);
  };
  const Outcome outcome = warm_up_of(batches_of(64), cost, 0s, 60s);
  EXPECT_EQ(outcome.runs, (Sizes{1, 2, 4, 8, 16, 32, 64}));
}

TEST(WarmUp, ends_before_the_next_run_where_it_is_given_up) {
  FakeClock clock;
  std::stop_source give_up;
  auto model = linear_model();
  const auto compute = model->compute;
  model->compute = [&](const Inputs& inputs) {
    if (inputs[0].shape[0] == 8) give_up.request_stop();
    return compute(inputs);
  };
  ModelConfig config;
  config.batching = batches_of(8);
  config.outputs = model->signature.outputs;
  const WarmUpFindings findings =
      warm_up(FakeCompiledModel(model), config, WarmUpExtent::kEverySize, WarmUpPace::kQuick, clock,
              {.rest = Clock::kForever, .give_up = give_up.get_token()});
  EXPECT_TRUE(findings.given_up);
  EXPECT_EQ(findings.not_tried, "");
  EXPECT_EQ(model->runs().size(), 3U);
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
              clock, {.rest = Clock::kForever});
  EXPECT_EQ(findings.not_tried, "");
  EXPECT_EQ(clock.waits,
            (std::vector<Clock::Duration>{std::chrono::milliseconds(2), kLongestPause}));
}

constexpr std::uint64_t kMebibyte = std::uint64_t{1} << 20;

// Of a machine with so much that is free before the first run.
class FakeMemory final : public ProcessMemory {
 public:
  explicit FakeMemory(std::uint64_t free) : free_(free) {}
  std::uint64_t resident_bytes() noexcept override { return kBefore + taken_; }
  std::uint64_t peak_bytes() noexcept override { return kBefore + peak_; }
  std::uint64_t available_bytes() noexcept override { return free_ - std::min(free_, taken_); }

  void take(std::uint64_t bytes, bool gives_back) {
    peak_ = std::max(peak_, bytes);
    if (!gives_back) taken_ = std::max(taken_, bytes);
  }

 private:
  static constexpr std::uint64_t kBefore = 500 * kMebibyte;
  const std::uint64_t free_;
  std::uint64_t taken_ = 0;
  std::uint64_t peak_ = 0;
};

struct MemoryOutcome {
  Sizes runs;
  std::string refusal;
};

MemoryOutcome warm_up_within(std::uint64_t free_mib, std::uint64_t mib_per_row,
                             bool gives_back = false) {
  FakeClock clock;
  FakeMemory memory(free_mib * kMebibyte);
  auto model = linear_model();
  const auto compute = model->compute;
  model->compute = [&](const Inputs& inputs) {
    const auto rows = static_cast<std::uint64_t>(inputs[0].shape[0]);
    memory.take(rows * mib_per_row * kMebibyte, gives_back);
    return compute(inputs);
  };
  ModelConfig config;
  config.batching = batches_of(8);
  config.outputs = model->signature.outputs;
  // The essential sizes alone.
  const WarmUpFindings findings =
      warm_up(FakeCompiledModel(model), config, WarmUpExtent::kEverySize, WarmUpPace::kQuick, clock,
              WarmUpLimits(), memory);
  MemoryOutcome outcome;
  for (const auto& run : model->runs())
    outcome.runs.push_back(run[0][0]);
  if (!findings.too_large.ok()) outcome.refusal = findings.too_large.to_string();
  return outcome;
}

TEST(WarmUp, runs_the_largest_size_at_once_where_there_is_memory_for_it) {
  const MemoryOutcome outcome = warm_up_within(1000, 100);
  EXPECT_EQ(outcome.runs, (Sizes{1, 2, 8, 4}));
  EXPECT_EQ(outcome.refusal, "");
}

TEST(WarmUp, goes_step_by_step_where_the_largest_size_may_not_fit) {
  const MemoryOutcome outcome = warm_up_within(900, 100);
  EXPECT_EQ(outcome.runs, (Sizes{1, 2, 4, 8}));
  EXPECT_EQ(outcome.refusal, "");
}

TEST(WarmUp, refuses_a_size_that_does_not_fit_before_it_is_run) {
  const MemoryOutcome outcome = warm_up_within(700, 100);
  EXPECT_EQ(outcome.runs, (Sizes{1, 2, 4}));
  EXPECT_EQ(outcome.refusal,
            "RESOURCE_EXHAUSTED: a batch of 8 rows is foreseen to take 500 MiB more memory (4 took "
            "400 MiB), and 300 MiB are available; set max_batch_size to 4 or less, or give it more "
            "memory");
  EXPECT_NE(warm_up_within(5000, 4000).refusal.find("(one row took 3.9 GiB)"), std::string::npos);
}

TEST(WarmUp, foresees_what_is_given_back_after_each_run) {
  const MemoryOutcome outcome = warm_up_within(500, 100, true);
  EXPECT_EQ(outcome.runs, (Sizes{1, 2, 4}));
  EXPECT_NE(outcome.refusal, "");
}

TEST(WarmUp, asks_for_no_memory_where_next_to_none_is_needed) {
  const MemoryOutcome outcome = warm_up_within(0, 5);
  EXPECT_EQ(outcome.runs, (Sizes{1, 2, 8, 4}));
  EXPECT_EQ(outcome.refusal, "");
}

}  // namespace
}  // namespace muster::testing
