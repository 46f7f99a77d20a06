// SPDX-License-Identifier: Apache-2.0
// The queue with a latency target against a batcher that knows the future, and against settings
// tuned by hand: bench/workloads/latency-target-*.txt have the same at length.
#include <cstddef>
#include <ostream>
#include <string>

#include <gtest/gtest.h>

#include "batching/testing/setting_grid.h"

namespace muster::testing {
namespace {

TEST(ClairvoyantBound, is_all_where_all_can_be_answered) {
  const World world{"", 1, 0.1, 8, 20, 1};
  const Arrivals arrivals = {0, 1, 5, 5, 5, 30};
  EXPECT_EQ(most_in_time_with_one_runner(arrivals, world), 6U);
  EXPECT_EQ(most_in_time_by_rate(arrivals, world), 6U);
}

TEST(ClairvoyantBound, passes_over_what_cannot_be_run) {
  // Each takes 10 ms alone and two take 20: of four that come at once and must be answered within
  // 20, two can be.
  const World world{"", 0, 10, 2, 20, 1};
  EXPECT_EQ(most_in_time_with_one_runner({0, 0, 0, 0}, world), 2U);
  // Waiting for the second to run both at once, 12 ms, answers both; the third has no time left.
  const World shared{"", 10, 1, 2, 15, 1};
  EXPECT_EQ(most_in_time_with_one_runner({0, 3, 4}, shared), 2U);
}

// Tries every way to pass over and to batch.
std::size_t by_trying(const Arrivals& arrivals, const World& world, std::size_t next, double free) {
  if (next == arrivals.size()) return 0;
  std::size_t most = by_trying(arrivals, world, next + 1, free);
  for (std::size_t rows = 1;
       rows <= static_cast<std::size_t>(world.max_rows) && next + rows <= arrivals.size(); ++rows) {
    const double end =
        std::max(free, arrivals[next + rows - 1]) + world.cost_ms(static_cast<std::int64_t>(rows));
    if (end <= arrivals[next] + world.target_ms)
      most = std::max(most, rows + by_trying(arrivals, world, next + rows, end));
  }
  return most;
}

TEST(ClairvoyantBound, agrees_with_trying_every_schedule) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    const World world{"", 3, 1, 3, 6 + static_cast<double>(seed % 5), 1};
    Arrivals arrivals = poisson(0.6, 100, seed);
    arrivals.resize(std::min<std::size_t>(arrivals.size(), 13));
    ASSERT_EQ(most_in_time_with_one_runner(arrivals, world), by_trying(arrivals, world, 0, 0))
        << seed;
    ASSERT_GE(most_in_time_by_rate(arrivals, world), most_in_time_with_one_runner(arrivals, world))
        << seed;
  }
}

struct Test {
  World world;
  double load;
  bool in_bursts;
  std::size_t requests = 5000;
};

void PrintTo(const Test& test, std::ostream* out) {
  *out << test.world.name << (test.in_bursts ? " bursts " : " poisson ") << test.load;
}

class LatencyTargetSimulation : public ::testing::TestWithParam<Test> {};

TEST_P(LatencyTargetSimulation,
       answers_nearly_what_a_clairvoyant_could_and_what_tuned_settings_do) {
  const auto& [world, load, in_bursts, requests] = GetParam();
  constexpr std::uint64_t kSeed = 1;
  const double rate = load * world.capacity();
  const double length = static_cast<double>(requests) / rate;
  const Arrivals arrivals =
      in_bursts ? bursts(rate, length, 4 * world.target_ms, kSeed) : poisson(rate, length, kSeed);
  const auto bound = static_cast<double>(clairvoyant_bound(arrivals, world));
  const Outcome outcome = run_with_target(world, arrivals, kSeed);
  const auto in_time = static_cast<double>(outcome.in_time);
  EXPECT_LE(in_time, bound);
  EXPECT_GE(in_time, 0.9 * bound);
  EXPECT_LE(outcome.late_percent(), 1);
  RecordProperty("of_clairvoyant", std::to_string(in_time / bound));
  for (const bool timed : {false, true}) {
    const GridBest best = best_of_grid(world, arrivals, timed, kSeed);
    ASSERT_GT(best.in_time, 0U);
    const double of_grid = in_time / static_cast<double>(best.in_time);
    const std::string setting = std::to_string(best.max_rows) + " rows, delay " +
                                std::to_string(best.delay_ms) + " ms, " +
                                std::to_string(best.late_percent) + " % late";
    RecordProperty(timed ? "of_timed_grid" : "of_grid", std::to_string(of_grid) + ": " + setting);
    EXPECT_GE(of_grid, timed ? kLeastOfTimedGrid : kLeastOfGrid) << setting;
  }
}

const World kSmall{"small", 0.06, 0.025, 64, 4, 1};  // like LeNet
const World kLarge{"large", 4, 6, 16, 250, 1};       // like ResNet-50
const World kTight{"tight", 1, 0.1, 32, 10, 1};      // 2.4 times its largest batch
const World kFixed{"fixed", 3, 0.05, 64, 12, 1};     // a batch costs nearly the same at any size
const World kTwo{"two_sessions", 1, 0.1, 32, 12, 2};

INSTANTIATE_TEST_SUITE_P(
    Worlds, LatencyTargetSimulation,
    ::testing::Values(Test{kSmall, 0.3, false}, Test{kSmall, 0.9, false}, Test{kSmall, 1.2, true},
                      Test{kSmall, 2.0, false}, Test{kLarge, 0.6, false}, Test{kLarge, 1.0, true},
                      Test{kLarge, 1.5, false}, Test{kTight, 0.8, false}, Test{kTight, 1.0, false},
                      Test{kTight, 2.0, true}, Test{kFixed, 0.3, true}, Test{kFixed, 0.8, false},
                      Test{kFixed, 1.5, false}, Test{kTwo, 0.6, true, 8000},
                      Test{kTwo, 0.9, false, 8000}, Test{kTwo, 1.5, false, 8000}));

TEST(LatencyTargetSimulation, learns_from_nothing) {
  const double rate = 1.2 * kTight.capacity();
  const Arrivals arrivals = poisson(rate, 5000 / rate, 3);
  const Outcome outcome = run_with_target(kTight, arrivals, 3, false);
  EXPECT_GE(static_cast<double>(outcome.in_time),
            0.9 * static_cast<double>(clairvoyant_bound(arrivals, kTight)));
}

TEST(LatencyTargetSimulation, recovers_where_the_first_guesses_were_far_too_high) {
  const double rate = 0.5 * kTight.capacity();
  const Arrivals arrivals = poisson(rate, 5000 / rate, 4);
  QueueOptions options = options_for(kTight);
  options.limits.latency_target = us_of(kTight.target_ms);
  for (const std::int64_t rows : {1, 2, 4, 8, 16, 32})
    options.first_costs.push_back({rows, std::chrono::seconds(1)});
  const Outcome outcome = TargetSimulation(kTight, arrivals, options, false, 4).run();
  EXPECT_GE(static_cast<double>(outcome.in_time), 0.95 * static_cast<double>(arrivals.size()));
}

TEST(LatencyTargetSimulation, runs_everything_at_once_where_little_comes) {
  const double rate = 0.05 * kLarge.capacity();
  const Arrivals arrivals = poisson(rate, 500 / rate, 5);
  const Outcome outcome = run_with_target(kLarge, arrivals, 5);
  EXPECT_EQ(outcome.in_time, arrivals.size());
  EXPECT_GE(static_cast<double>(outcome.batches), 0.9 * static_cast<double>(arrivals.size()));
}

}  // namespace
}  // namespace muster::testing
