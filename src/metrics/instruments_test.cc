// SPDX-License-Identifier: Apache-2.0
#include "metrics/instruments.h"

#include <limits>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace muster {
namespace {

using Counts = std::map<std::int64_t, std::uint64_t>;

TEST(Counter, counts_from_0) {
  Counter counter;
  EXPECT_EQ(counter.value(), 0U);
  counter.add();
  counter.add(5);
  counter.add(0);
  EXPECT_EQ(counter.value(), 6U);
}

TEST(Counter, loses_nothing_that_many_threads_add) {
  Counter counter;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 1000; ++j)
        counter.add();
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(counter.value(), 4000U);
}

TEST(SizeHistogram, has_no_counts_from_the_start) {
  EXPECT_TRUE(SizeHistogram().counts().empty());
}

TEST(SizeHistogram, counts_small_sizes_exactly) {
  SizeHistogram histogram;
  for (const std::int64_t size : {1, 1, 32, 255, 256, 0})
    histogram.record(size);
  EXPECT_EQ(histogram.counts(), (Counts{{0, 1}, {1, 2}, {32, 1}, {255, 1}, {256, 1}}));
}

TEST(SizeHistogram, counts_large_sizes_under_their_power_of_two) {
  SizeHistogram histogram;
  for (const std::int64_t size : {511, 512, 513, 1023, 1024, 65536})
    histogram.record(size);
  EXPECT_EQ(histogram.counts(), (Counts{{256, 1}, {512, 3}, {1024, 1}, {65536, 1}}));
}

TEST(SizeHistogram, adds_257_to_511_to_what_is_exactly_256) {
  SizeHistogram histogram;
  histogram.record(256);
  histogram.record(257);
  EXPECT_EQ(histogram.counts(), (Counts{{256, 2}}));
}

TEST(SizeHistogram, takes_the_extremes) {
  SizeHistogram histogram;
  histogram.record(std::numeric_limits<std::int64_t>::max());
  histogram.record(std::numeric_limits<std::int64_t>::min());
  histogram.record(-1);
  EXPECT_EQ(histogram.counts(), (Counts{{0, 2}, {std::int64_t{1} << 62, 1}}));
}

}  // namespace
}  // namespace muster
