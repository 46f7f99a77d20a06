// SPDX-License-Identifier: Apache-2.0
#include "app/advise/line_diff.h"

#include <algorithm>
#include <string>

#include <gtest/gtest.h>

namespace muster {
namespace {

TEST(LineDiff, says_nothing_of_what_stays) {
  EXPECT_EQ(line_diff("", ""), "");
  EXPECT_EQ(line_diff("a\nb\n", "a\nb\n"), "");
  EXPECT_EQ(line_diff("a\nb\nc\n", "a\nB\nc\n"), "- b\n+ B\n");
}

TEST(LineDiff, finds_several_changes) {
  EXPECT_EQ(line_diff("a\nb\nc\nd\ne\n", "A\nb\nc\ne\nf\n"), "- a\n+ A\n- d\n+ f\n");
  EXPECT_EQ(line_diff("", "a\nb"), "+ a\n+ b\n");
  EXPECT_EQ(line_diff("a\nb", ""), "- a\n- b\n");
}

TEST(LineDiff, tells_of_texts_with_very_many_differences_as_a_whole) {
  std::string before = "same\n";
  std::string after = "same\n";
  for (int i = 0; i < 1100; ++i) {
    before += "b" + std::to_string(i) + "\ncommon\n";
    after += "a" + std::to_string(i) + "\ncommon\n";
  }
  const std::string diff = line_diff(before, after);
  EXPECT_EQ(std::count(diff.begin(), diff.end(), '\n'), 2 * 2199);
  EXPECT_EQ(diff.find("same"), std::string::npos);
}

}  // namespace
}  // namespace muster
