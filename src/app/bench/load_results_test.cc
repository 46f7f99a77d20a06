// SPDX-License-Identifier: Apache-2.0
#include "app/bench/load_results.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace muster {
namespace {

using std::chrono::milliseconds;

LoadMeasurement some_measurement() {
  LoadMeasurement measured;
  measured.rows = 2;
  for (int i = 0; i < 100; ++i)
    measured.latency.record(milliseconds(2));
  measured.refused = 20;
  measured.failed = 5;
  measured.elapsed = milliseconds(100);
  measured.client_cpu = milliseconds(25);
  measured.server_cpu = milliseconds(50);
  measured.server_resident_bytes = std::uint64_t{96} << 20;
  return measured;
}

LoadRow closed() {
  LoadRow row{{}, "grpc", "closed"};
  row.concurrency = 8;
  row.set(some_measurement(), true);
  return row;
}

LoadRow open_with_limits() {
  LoadRow row{{}, "unix", "open"};
  row.rate = 1000;
  row.set(some_measurement(), false);
  row.limits = {"the client is \"slow\"", "the machine, too"};
  return row;
}

TEST(LoadResults, are_the_columns_that_were_promised) {
  EXPECT_EQ(load_line(BenchFormat::kCsv, closed()),
            "grpc,closed,8,,2,2.000000,2.000000,2.000000,2.000000,2000.000,200.000,96.00,100.000,"
            "100,20,5,\n");
  EXPECT_EQ(load_line(BenchFormat::kCsv, open_with_limits()),
            "unix,open,,1000,2,2.000000,2.000000,2.000000,2.000000,2000.000,,,100.000,100,20,5,"
            "\"the client is \"\"slow\"\"; the machine, too\"\n");
  const std::string header = load_header(BenchFormat::kCsv);
  const std::string line = load_line(BenchFormat::kCsv, closed());
  EXPECT_EQ(std::ranges::count(header, ','), std::ranges::count(line, ','));
}

TEST(LoadResults, say_null_in_json_where_nothing_is_known) {
  EXPECT_EQ(load_header(BenchFormat::kJson), "");
  EXPECT_EQ(load_line(BenchFormat::kJson, open_with_limits()),
            "{\"transport\":\"unix\",\"load\":\"open\",\"concurrency\":null,\"rate\":1000,"
            "\"batch_size\":2,\"mean_ms\":2.000000,\"p50_ms\":2.000000,\"p90_ms\":2.000000,"
            "\"p99_ms\":2.000000,\"items_per_second\":2000.000,\"cpu_us_per_item\":null,"
            "\"rss_mib\":null,\"client_cpu_us_per_item\":100.000,\"answered\":100,\"refused\":20,"
            "\"failed\":5,\"limit\":\"the client is \\\"slow\\\"; the machine, too\"}\n");
}

TEST(LoadResults, stand_below_their_headings_in_a_table) {
  EXPECT_EQ(load_header(BenchFormat::kTable).size(),
            load_line(BenchFormat::kTable, closed()).size());
  const std::string with_limits = load_line(BenchFormat::kTable, open_with_limits());
  EXPECT_EQ(std::ranges::count(with_limits, '\n'), 3);
  EXPECT_NE(with_limits.find("\n  the machine, too\n"), std::string::npos);
}

TEST(LoadRow, has_a_name) {
  EXPECT_EQ(closed().name(), "closed, concurrency 8, batch size 2");
  LoadRow open = open_with_limits();
  EXPECT_EQ(open.name(), "open, rate 1000, batch size 2");
  // Rates that differ stay apart.
  open.rate = 1234567.5;
  EXPECT_EQ(open.name(), "open, rate 1234567.5, batch size 2");
  EXPECT_TRUE(load_line(BenchFormat::kCsv, open).starts_with("unix,open,,1234567.5,2,"));
}

}  // namespace
}  // namespace muster
