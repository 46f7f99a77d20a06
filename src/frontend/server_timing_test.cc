// SPDX-License-Identifier: Apache-2.0
#include "frontend/server_timing.h"

#include <chrono>

#include <gtest/gtest.h>

namespace muster {
namespace {

using std::chrono::nanoseconds;

std::string timing(const BatchReport& batch, std::int64_t version = 0) {
  std::string text = "before ";
  append_server_timing(batch, version, text);
  return text;
}

TEST(ServerTimingTest, tells_milliseconds_rows_and_version) {
  BatchReport batch;
  batch.queue = nanoseconds(12'000);
  batch.gather = nanoseconds(3'000);
  batch.compute = nanoseconds(12'345'678'000);
  batch.rows = 8;
  EXPECT_EQ(timing(batch, 3),
            "before queue;dur=0.012, batch;dur=0.003;desc=\"rows=8\", "
            "compute;dur=12345.678;desc=\"version=3\"");
  EXPECT_EQ(timing(batch),
            "before queue;dur=0.012, batch;dur=0.003;desc=\"rows=8\", compute;dur=12345.678");
}

TEST(ServerTimingTest, rounds_to_microseconds_and_knows_no_negative_times) {
  BatchReport batch;
  batch.queue = nanoseconds(1'499);
  batch.gather = nanoseconds(1'501);
  batch.compute = nanoseconds(-700'000);
  batch.rows = 1;
  EXPECT_EQ(timing(batch),
            "before queue;dur=0.001, batch;dur=0.002;desc=\"rows=1\", compute;dur=0.000");
}

}  // namespace
}  // namespace muster
