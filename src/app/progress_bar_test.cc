// SPDX-License-Identifier: Apache-2.0
#include "app/progress_bar.h"

#include <chrono>
#include <cstdio>

#include <gtest/gtest.h>

namespace muster {
namespace {

using std::chrono::seconds;

TEST(ProgressLine, tells_rate_and_time_left) {
  EXPECT_EQ(progress_line(250, 1000, seconds(5)),
            "[#######.......................] 250/1000  50/s  15 s left");
}

TEST(ProgressLine, tells_neither_before_the_first_is_done) {
  EXPECT_EQ(progress_line(0, 10, seconds(3)), "[..............................] 0/10");
}

TEST(ProgressLine, is_full_at_the_end_and_for_nothing_to_do) {
  EXPECT_EQ(progress_line(10, 10, seconds(2)),
            "[##############################] 10/10  5/s  0 s left");
  EXPECT_EQ(progress_line(0, 0, seconds(2)), "[##############################] 0/0");
}

TEST(TimeLine, tells_how_much_of_the_time_is_over_and_what_is_done) {
  EXPECT_EQ(time_line(std::chrono::milliseconds(15900), seconds(60), "batches of 8"),
            "[##........] 15 of 60 s  batches of 8");
  EXPECT_EQ(time_line(seconds(61), seconds(60), ""), "[##########] 61 of 60 s  ");
}

TEST(PartLine, tells_the_part_that_is_done) {
  EXPECT_EQ(part_line(0), "[..........]   0 %");
  EXPECT_EQ(part_line(0.429), "[####......]  42 %");
  EXPECT_EQ(part_line(1), "[##########] 100 %");
  EXPECT_EQ(part_line(7), "[##########] 100 %");
  EXPECT_EQ(part_line(-1), "[..........]   0 %");
}

TEST(ProgressBar, draws_nothing_where_there_is_no_terminal) {
  std::FILE* file = std::tmpfile();
  ASSERT_NE(file, nullptr);
  {
    ProgressBar bar(file, 10);
    bar.update(5);
    bar.show("a line");
  }
  EXPECT_EQ(std::ftell(file), 0);
  std::fclose(file);
}

}  // namespace
}  // namespace muster
