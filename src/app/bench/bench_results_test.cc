// SPDX-License-Identifier: Apache-2.0
#include "app/bench/bench_results.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace muster {
namespace {

using std::chrono::milliseconds;

BenchRow some_row() {
  BatchMeasurement measured;
  measured.rows = 8;
  for (int i = 0; i < 4; ++i)
    measured.latency.record(milliseconds(2));
  measured.elapsed = milliseconds(9);
  measured.cpu_time = milliseconds(16);
  measured.resident_bytes = std::uint64_t{96} << 20;
  BenchRow row = BenchRow::of("onnxruntime", measured);
  row.gpu_mib = 12.5;
  return row;
}

TEST(BenchResults, are_the_columns_that_were_promised) {
  EXPECT_EQ(bench_header(BenchFormat::kCsv),
            "backend,batch_size,mean_ms,p50_ms,p90_ms,p99_ms,items_per_second,cpu_us_per_item,"
            "rss_mib,gpu_mib\n");
  EXPECT_EQ(bench_line(BenchFormat::kCsv, some_row()),
            "onnxruntime,8,2.000000,2.000000,2.000000,2.000000,4000.000,500.000,96.00,12.50\n");
  EXPECT_EQ(bench_header(BenchFormat::kJson), "");
  EXPECT_EQ(
      bench_line(BenchFormat::kJson, some_row()),
      "{\"backend\":\"onnxruntime\",\"batch_size\":8,\"mean_ms\":2.000000,\"p50_ms\":2.000000,"
      "\"p90_ms\":2.000000,\"p99_ms\":2.000000,\"items_per_second\":4000.000,"
      "\"cpu_us_per_item\":500.000,\"rss_mib\":96.00,\"gpu_mib\":12.50}\n");
}

TEST(BenchResults, stand_below_their_headings_in_a_table) {
  const std::string header = bench_header(BenchFormat::kTable);
  const std::string line = bench_line(BenchFormat::kTable, some_row());
  EXPECT_EQ(header.size(), line.size());
  EXPECT_EQ(header.find("mean_ms") + 7, line.find("2.0000") + 6);
}

TEST(BenchResults, name_what_is_missing) {
  EXPECT_EQ(describe_miss({"openvino", 0, "it is not here"}), "openvino: it is not here");
  EXPECT_EQ(describe_miss({"a\nb", 8, "too large"}), "a\\x0ab, batch size 8: too large");
}

}  // namespace
}  // namespace muster
