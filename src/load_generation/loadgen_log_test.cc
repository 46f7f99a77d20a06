// SPDX-License-Identifier: Apache-2.0
#include "load_generation/loadgen_log.h"

#include <string>

#include <gtest/gtest.h>

namespace muster {
namespace {

std::string line(std::string_view key, std::string_view value) {
  return ":::MLLOG {\"key\": \"" + std::string(key) + "\", \"value\": " + std::string(value) +
         ", \"time_ms\": 12.5, \"namespace\": \"mlperf::logging\", \"event_type\": "
         "\"POINT_IN_TIME\", \"metadata\": {\"is_error\": false, \"file\": \"results.cc\"}}\n";
}

std::string some_log() {
  return "a line of another kind\n" + line("result_validity", "\"INVALID\"") +
         line("result_invalid_reason", "\"Increase the duration. \"") +
         line("result_mean_latency_ns", "2000000") +
         line("result_50.00_percentile_latency_ns", "1500000") +
         line("result_90.00_percentile_latency_ns", "3000000") +
         line("result_99.00_percentile_latency_ns", "4000000") +
         line("result_mean_query_latency_ns", "8000000") +
         line("result_50.00_percentile_per_query_latency_ns", "7000000") +
         line("result_90.00_percentile_per_query_latency_ns", "9000000") +
         line("result_99.00_percentile_per_query_latency_ns", "10000000") +
         line("result_samples_per_second", "123.5") +
         line("result_completed_samples_per_sec", "99") +
         line("result_qps_with_loadgen_overhead", "77") + line("effective_seed", "[1, null]") +
         ":::MLLOG no json\n";
}

TEST(LoadGenLog, tells_the_results) {
  ScenarioMeasurement measured;
  ASSERT_TRUE(read_loadgen_results(some_log(), Scenario::kOffline, 8, measured).ok());
  EXPECT_DOUBLE_EQ(measured.mean_ms, 2);
  EXPECT_DOUBLE_EQ(measured.p50_ms, 1.5);
  EXPECT_DOUBLE_EQ(measured.p90_ms, 3);
  EXPECT_DOUBLE_EQ(measured.p99_ms, 4);
  EXPECT_DOUBLE_EQ(measured.samples_per_second, 123.5);
  EXPECT_FALSE(measured.valid);
  EXPECT_EQ(measured.invalid_reason, "Increase the duration.");
}

TEST(LoadGenLog, tells_what_each_scenario_is_measured_by) {
  ScenarioMeasurement measured;
  ASSERT_TRUE(read_loadgen_results(some_log(), Scenario::kServer, 8, measured).ok());
  EXPECT_DOUBLE_EQ(measured.samples_per_second, 99);
  ASSERT_TRUE(read_loadgen_results(some_log(), Scenario::kSingleStream, 8, measured).ok());
  EXPECT_DOUBLE_EQ(measured.samples_per_second, 77);
  ASSERT_TRUE(read_loadgen_results(some_log(), Scenario::kMultiStream, 8, measured).ok());
  EXPECT_DOUBLE_EQ(measured.p99_ms, 10);
  EXPECT_DOUBLE_EQ(measured.samples_per_second, 1000);
}

TEST(LoadGenLog, tells_the_reason_where_only_early_stopping_failed) {
  const std::string reasonless = some_log() + line("result_invalid_reason", "\"\"");
  ScenarioMeasurement measured;
  ASSERT_TRUE(read_loadgen_results(reasonless, Scenario::kServer, 8, measured).ok());
  EXPECT_EQ(measured.invalid_reason, "it gives no reason");
  const std::string early =
      line("early_stopping_result",
           R"(" * Run unsuccessful.\n * Processed 190 queries.\n * Would need to run at least 269 )"
           R"(more queries,\n with the run being successful if every additional\n query were )"
           R"(under latency.")");
  ASSERT_TRUE(read_loadgen_results(reasonless + early, Scenario::kServer, 8, measured).ok());
  EXPECT_EQ(measured.invalid_reason,
            "too few samples for its early stopping, give more --seconds: Run unsuccessful. "
            "Processed 190 queries. Would need to run at least 269 more queries, with the run "
            "being successful if every additional query were under latency.");
  // A reason of its own says more.
  ASSERT_TRUE(read_loadgen_results(some_log() + early, Scenario::kServer, 8, measured).ok());
  EXPECT_EQ(measured.invalid_reason, "Increase the duration.");
  const std::string valid = reasonless + early + line("result_validity", "\"VALID\"");
  ASSERT_TRUE(read_loadgen_results(valid, Scenario::kServer, 8, measured).ok());
  EXPECT_EQ(measured.invalid_reason, "");
}

TEST(LoadGenLog, names_a_result_that_is_missing) {
  ScenarioMeasurement measured;
  const std::string without = line("result_mean_latency_ns", "1");
  const Status status = read_loadgen_results(without, Scenario::kOffline, 8, measured);
  EXPECT_EQ(status.code(), StatusCode::kInternal);
  EXPECT_NE(status.message().find("result_50.00_percentile_latency_ns"), std::string::npos);
  EXPECT_FALSE(read_loadgen_results("", Scenario::kServer, 8, measured).ok());
}

}  // namespace
}  // namespace muster
