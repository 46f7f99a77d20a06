// SPDX-License-Identifier: Apache-2.0
#include "app/advise/process_bench.h"

#include <csignal>
#include <new>

#include <gtest/gtest.h>
#include <unistd.h>

#include "app/advise/testing/simulated_bench.h"

namespace muster {
namespace {

const Setup kSetup{"onnxruntime", 2, 1};
constexpr auto kLength = std::chrono::milliseconds(5);

ProcessBench::Maker simulated(const std::function<void(SimulatedBench&)>& arranged = {}) {
  return [arranged]() -> std::unique_ptr<CandidateBench> {
    static FakeClock clock;  // as long as the process
    auto bench = std::make_unique<SimulatedBench>(clock);
    if (arranged) arranged(*bench);
    return bench;
  };
}

TEST(ProcessBench, measures_what_the_other_process_measures) {
  ProcessBench apart(simulated([](SimulatedBench& bench) { bench.one_by_one = "one by one"; }));
  FakeClock clock;
  SimulatedBench here(clock);
  EXPECT_EQ(*apart.open(kSetup), *here.open(kSetup));
  EXPECT_EQ(apart.single_rows(), "one by one");
  for (const int instances : {2, 1}) {
    const auto there = apart.measure({kSetup, 8}, instances, kLength);
    const auto expected = here.measure({kSetup, 8}, instances, kLength);
    ASSERT_TRUE(there.ok()) << there.status().to_string();
    EXPECT_EQ(there->figures.items_per_second, expected->figures.items_per_second);
    EXPECT_EQ(there->figures.p50_ms, expected->figures.p50_ms);
    EXPECT_EQ(there->figures.p99_ms, expected->figures.p99_ms);
    EXPECT_EQ(there->figures.cpu_us_per_item, expected->figures.cpu_us_per_item);
    EXPECT_EQ(there->memory_mib, expected->memory_mib);
  }
}

TEST(ProcessBench, has_a_process_for_each_setup_that_is_open) {
  ProcessBench bench(simulated([](SimulatedBench& made) {
    made.run_time_ms = [](const Candidate&) { return static_cast<double>(::getpid()); };
  }));
  const muster::Setup other{"openvino", 1, 2};
  ASSERT_TRUE(bench.open(kSetup).ok() && bench.open(other).ok());
  const auto process_of = [&](const muster::Setup& setup) {
    return bench.measure({setup, 1}, 1, kLength)->figures.p50_ms;
  };
  const double first = process_of(kSetup);
  EXPECT_NE(first, process_of(other));
  EXPECT_NE(first, static_cast<double>(::getpid()));
  EXPECT_EQ(first, process_of(kSetup));
  bench.close(kSetup);
  EXPECT_FALSE(bench.measure({kSetup, 1}, 1, kLength).ok());
}

TEST(ProcessBench, passes_errors_on) {
  ProcessBench bench(simulated([](SimulatedBench& made) {
    made.broken_backends["openvino"] = "it is not here";
    made.fails = [](const Candidate& candidate, int) { return candidate.batch_size == 4; };
  }));
  const auto absent = bench.open({"openvino", 1, 1});
  EXPECT_EQ(absent.status().code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(absent.status().message(), "it is not here");
  ASSERT_TRUE(bench.open(kSetup).ok());
  const auto failed = bench.measure({kSetup, 4}, 1, kLength);
  EXPECT_EQ(failed.status().code(), StatusCode::kUnavailable);
  EXPECT_EQ(failed.status().message(), "the device is gone");
  EXPECT_TRUE(bench.measure({kSetup, 1}, 1, kLength).ok());
}

TEST(ProcessBench, goes_on_behind_a_measurement_that_ends_its_process) {
  ProcessBench bench(simulated([](SimulatedBench& made) {
    made.fails = [](const Candidate& candidate, int) {
      if (candidate.batch_size == 64) ::kill(::getpid(), SIGKILL);
      return false;
    };
  }));
  ASSERT_TRUE(bench.open(kSetup).ok());
  const auto killed = bench.measure({kSetup, 64}, 1, kLength);
  EXPECT_EQ(killed.status().code(), StatusCode::kResourceExhausted);
  EXPECT_TRUE(bench.measure({kSetup, 1}, 1, kLength).ok());
}

TEST(ProcessBench, says_what_ended_a_process_that_opens_a_setup) {
  ProcessBench bench([]() -> std::unique_ptr<CandidateBench> {
    ::kill(::getpid(), SIGKILL);
    return nullptr;
  });
  EXPECT_NE(bench.open(kSetup).status().message().find("signal 9"), std::string_view::npos);
}

TEST(ProcessBench, has_any_work_done_apart) {
  int here = 0;
  const auto work = [&] {
    ++here;
    return Status();
  };
  EXPECT_TRUE(outcome_apart(work).ok());
  EXPECT_EQ(here, 0);
  EXPECT_EQ(outcome_apart([] { return not_found("no such thing"); }).to_string(),
            not_found("no such thing").to_string());
  EXPECT_FALSE(outcome_apart([]() -> Status { throw std::bad_alloc(); }).ok());
}

}  // namespace
}  // namespace muster
