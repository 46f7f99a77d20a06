// SPDX-License-Identifier: Apache-2.0
#include "app/advise/advise_plan.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "app/advise/judge.h"
#include "app/advise/setups.h"
#include "app/advise/testing/simulated_bench.h"

namespace muster {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class AdvisePlan : public ::testing::Test {
 protected:
  AdvisePlan() {
    order_.setups = setups_for({{"onnxruntime", "openvino"}, 2, {}, {}});
    order_.budget = seconds(60);
    order_.goal.own_backend = "onnxruntime";
    listener_.begins = [this](const std::string&) { ++begun_; };
    listener_.is_stopped = [this] { return begun_ >= stops_at_; };
  }

  PlanResults run() {
    const Clock::TimePoint begun = clock_.now();
    PlanResults results = run_plan(order_, bench_, clock_, listener_);
    took_ = clock_.now() - begun;
    EXPECT_TRUE(bench_.all_are_closed());
    return results;
  }
  [[nodiscard]] Candidate first(const PlanResults& results) const {
    return judge(results.measured, order_.goal).front().measured.candidate;
  }

  FakeClock clock_;
  SimulatedBench bench_{clock_};
  PlanOrder order_;
  PlanListener listener_;
  Clock::Duration took_{0};
  int begun_ = 0;
  int stops_at_ = 1 << 30;
};

TEST_F(AdvisePlan, looks_at_everything_and_again_at_the_best) {
  const PlanResults results = run();
  EXPECT_EQ(results.measured.size(), 6U * 7U);
  EXPECT_TRUE(results.misses.empty());
  // Two instances of one thread have two batches at work; 64 rows are the cheapest.
  EXPECT_EQ(first(results), (Candidate{{"onnxruntime", 2, 1}, 64}));
  EXPECT_GE(results.rounds, 5);
  EXPECT_GE(results.leaders, 2U);
  EXPECT_EQ(results.noise, 0);
  EXPECT_FALSE(results.stopped);
  for (const MeasuredCandidate& one : results.measured) {
    EXPECT_GT(one.alone_ms, 0);
    EXPECT_EQ(one.memory_mib, 10 * one.candidate.setup.instances);
  }
}

TEST_F(AdvisePlan, spends_the_time_it_has_and_no_more) {
  for (const int budget : {5, 20, 60, 300}) {
    order_.budget = seconds(budget);
    (void)run();
    EXPECT_GE(took_, seconds(budget)) << budget;
    // What was begun is measured to its end.
    EXPECT_LE(took_, seconds(budget) + milliseconds(2100)) << budget;
  }
}

TEST_F(AdvisePlan, opens_one_setup_at_a_time_for_the_short_look) {
  bench_.broken_backends["openvino"] = "it is not installed";
  order_.setups = setups_for({{"onnxruntime"}, 2, {}, {}});
  (void)run();
  EXPECT_LE(bench_.most_open, 3U);
}

TEST_F(AdvisePlan, chooses_the_same_or_a_tie_on_a_machine_that_wavers_by_two_percent) {
  const double best = [&] {
    const PlanResults quiet = run();
    double most = 0;
    for (const MeasuredCandidate& one : quiet.measured)
      most = std::max(most, one.figures.items_per_second);
    return most;
  }();
  for (unsigned seed = 1; seed <= 20; ++seed) {
    unsigned state = seed;
    bench_.mood = [&state](int) {
      state = state * 1664525U + 1013904223U;
      return 0.98 + 0.04 * static_cast<double>(state >> 8) / (1U << 24);
    };
    const Candidate chosen = first(run());
    const double rate = 1000.0 * chosen.setup.instances * static_cast<double>(chosen.batch_size) /
                        bench_.run_time_ms(chosen);
    EXPECT_GE(rate, 0.95 * best) << describe(chosen);
  }
}

TEST_F(AdvisePlan, takes_medians_so_that_one_bad_round_decides_nothing) {
  bench_.mood = [](int number) { return number == 3 ? 3.0 : 1.0; };
  const PlanResults results = run();
  EXPECT_EQ(first(results), (Candidate{{"onnxruntime", 2, 1}, 64}));
  EXPECT_GT(results.noise, kNoisy);
}

TEST_F(AdvisePlan, names_a_backend_that_cannot_be_opened_once) {
  bench_.broken_backends["openvino"] = "it is not installed";
  const PlanResults results = run();
  ASSERT_EQ(results.misses.size(), 1U);
  EXPECT_EQ(describe(results.misses[0]), "openvino: it is not installed");
  EXPECT_EQ(results.measured.size(), 3U * 7U);
}

TEST_F(AdvisePlan, goes_on_where_a_batch_size_fails) {
  bench_.fails = [](const Candidate& candidate, int) { return candidate.batch_size == 4; };
  const PlanResults results = run();
  EXPECT_EQ(results.measured.size(), 6U * 6U);
  EXPECT_EQ(results.misses.size(), 6U);
  EXPECT_EQ(describe(results.misses[0]),
            "onnxruntime, 1 instance of 1 thread, batches of 4: the device is gone");
}

TEST_F(AdvisePlan, does_not_advise_what_fails_when_it_is_measured_again) {
  const Candidate best{{"onnxruntime", 2, 1}, 64};
  bench_.fails = [&](const Candidate& candidate, int number) {
    return candidate == best && number == 2;
  };
  const PlanResults results = run();
  EXPECT_EQ(first(results), (Candidate{{"onnxruntime", 2, 1}, 32}));
  EXPECT_EQ(results.misses.size(), 1U);
}

TEST_F(AdvisePlan, leaves_out_larger_batches_for_which_there_is_no_time) {
  bench_.run_time_ms = [](const Candidate& candidate) {
    return 400.0 * static_cast<double>(candidate.batch_size);
  };
  const PlanResults results = run();
  EXPECT_FALSE(results.misses.empty());
  EXPECT_TRUE(std::ranges::any_of(results.misses, [](const AdviceMiss& miss) {
    return miss.reason.find("there is no time") != std::string::npos;
  }));
  EXPECT_LE(took_, seconds(90));
  EXPECT_FALSE(results.measured.empty());
}

TEST_F(AdvisePlan, looks_at_each_backend_however_short_the_time) {
  order_.budget = milliseconds(1);
  const PlanResults results = run();
  for (const char* backend : {"onnxruntime", "openvino"}) {
    EXPECT_TRUE(std::ranges::any_of(results.measured, [&](const MeasuredCandidate& one) {
      return one.candidate.setup.backend == backend;
    })) << backend;
  }
  EXPECT_EQ(results.rounds, 0);
  EXPECT_EQ(std::ranges::count_if(results.misses,
                                  [](const AdviceMiss& miss) {
                                    return miss.reason.find("no time left") != std::string::npos;
                                  }),
            4);
}

TEST_F(AdvisePlan, does_not_try_larger_batches_that_are_far_too_slow) {
  order_.goal.latency_ms = 1;
  const PlanResults results = run();
  EXPECT_TRUE(std::ranges::none_of(results.measured, [](const MeasuredCandidate& one) {
    return one.candidate.batch_size > 16;
  }));
  EXPECT_FALSE(results.misses.empty());
}

TEST_F(AdvisePlan, measures_again_where_a_rate_would_be_carried) {
  order_.goal.rate = 1000;
  const PlanResults results = run();
  const auto ranked = judge(results.measured, order_.goal);
  ASSERT_TRUE(ranked.front().suits);
  for (const MeasuredCandidate& one : results.measured) {
    if (one.candidate.setup == ranked.front().measured.candidate.setup &&
        one.candidate.batch_size == ranked.front().working_size) {
      EXPECT_GE(one.rounds, 3);
    }
  }
}

TEST_F(AdvisePlan, ends_with_what_it_knows_where_somebody_stops_it) {
  for (const int at : {0, 1, 2, 5, 60}) {
    begun_ = 0;
    stops_at_ = at;
    const PlanResults results = run();
    EXPECT_TRUE(results.stopped) << at;
    EXPECT_LE(results.measured.size(), static_cast<std::size_t>(at));
  }
}

}  // namespace
}  // namespace muster
