// SPDX-License-Identifier: Apache-2.0
#include "app/subject/row_shapes.h"

#include <gtest/gtest.h>

namespace muster {
namespace {

TEST(RowShapes, read_the_shape_of_each_input) {
  const auto shapes = parse_row_shapes({"input:3,224,224", "a:0:7"});
  ASSERT_TRUE(shapes.ok());
  EXPECT_EQ(shapes->at("input"), (Shape{3, 224, 224}));
  EXPECT_EQ(shapes->at("a:0"), (Shape{7}));
}

TEST(RowShapes, refuse_what_is_no_shape) {
  for (const char* text : {"", ":", "input", "input:", ":3", "input:3,", "input:3,,4", "input:0",
                           "input:-1,3", "input:3x4", "input:99999999999999999999"}) {
    EXPECT_FALSE(parse_row_shapes({text}).ok()) << text;
  }
}

TEST(RowShapes, refuse_two_shapes_for_one_input) {
  EXPECT_EQ(parse_row_shapes({"x:3", "x:4"}).status().message(), "--shape is given twice for 'x'");
}

}  // namespace
}  // namespace muster
