// SPDX-License-Identifier: Apache-2.0
#include "app/verify/verify_results.h"

#include <limits>

#include <gtest/gtest.h>

#include "comparing/usual_tolerance.h"

namespace muster {
namespace {

VerifyRow differing_row() {
  VerifyRow row{"openvino", "bf16", "", 8, "scores", 0.1, {}};
  row.found.elements = 80;
  row.found.differing = 2;
  row.found.max_abs = 0.5;
  row.found.mean_abs = 0.0625;
  row.found.max_rel = 0.25;
  row.found.mean_rel = 0.03125;
  row.found.scored_rows = 8;
  row.found.agreeing_rows = 6;
  row.found.choices = 3;
  row.found.first = FirstDifference{3, {1, 7}, false, {"0.25", true}, {"NaN", false}};
  return row;
}

TEST(Tolerances, are_the_wider_of_precision_and_type) {
  const Tolerances usual;
  EXPECT_EQ(usual.of("f32", DataType::kFp32), kFp32Tolerance);
  EXPECT_EQ(usual.of("f32", DataType::kFp64), kFp32Tolerance);
  EXPECT_EQ(usual.of("f32", DataType::kFp16), kFp16Tolerance);
  EXPECT_EQ(usual.of("f16", DataType::kFp32), kFp16Tolerance);
  EXPECT_EQ(usual.of("bf16", DataType::kFp16), kBf16Tolerance);
  EXPECT_EQ(usual.of("tf32", DataType::kFp32), kTf32Tolerance);
  EXPECT_EQ(usual.of("int8", DataType::kFp32), kInt8Tolerance);
}

TEST(Tolerances, that_are_given_stand_above_the_usual_ones) {
  EXPECT_EQ(Tolerances::parse({"0"}).value().of("f32", DataType::kFp16), 0);
  const Tolerances given = Tolerances::parse({"1e-3", "bf16:0.5"}).value();
  EXPECT_EQ(given.of("f32", DataType::kFp32), 1e-3);
  EXPECT_EQ(given.of("f16", DataType::kFp32), 1e-3);
  EXPECT_EQ(given.of("bf16", DataType::kFp32), 0.5);
  EXPECT_EQ(Tolerances::parse({"bf16:0.5", "1e-3"}).value().of("bf16", DataType::kFp32), 1e-3);
}

TEST(Tolerances, are_refused_where_they_are_none) {
  for (const char* text : {"", "x", "-1", "nan", "inf", "f8:1", "bf16:", "bf16:-1", ":1"})
    EXPECT_FALSE(Tolerances::parse({text}).ok()) << text;
}

TEST(VerifyResults, name_the_first_difference_below_their_row) {
  const std::string text = verify_line(VerifyFormat::kTable, differing_row());
  EXPECT_NE(text.find("5.00e-01  6.25e-02  2.50e-01  3.12e-02     1e-01       6/8  DIFFERS\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("\n  2 of 80 elements differ; the first: row 3, output 'scores', element "
                      "[1,7]: 0.25 expected, NaN given\n"),
            std::string::npos)
      << text;
}

TEST(VerifyResults, are_one_object_of_json) {
  EXPECT_EQ(
      verify_line(VerifyFormat::kJson, differing_row()),
      R"({"backend":"openvino","precision":"bf16","computed_in":"bf16","batch_size":8,"output":"scores",)"
      R"("max_abs_error":0.5,"mean_abs_error":0.0625,"max_rel_error":0.25,"mean_rel_error":0.03125,)"
      R"("tolerance":0.1,"elements":80,"differing":2,"top1_agreement":0.75,"top1_choices":3,)"
      R"("within_tolerance":false,)"
      R"("first_difference":{"row":3,"element":[1,7],"expected":0.25,"given":"NaN"}})"
      "\n");
}

TEST(VerifyResults, have_no_number_where_json_or_the_type_has_none) {
  VerifyRow row{"a\"b", "f32", "", 1, "y", 1e-4, {}};
  row.found.max_rel = std::numeric_limits<double>::infinity();
  const std::string text = verify_line(VerifyFormat::kJson, row);
  EXPECT_NE(text.find(R"("max_rel_error":null)"), std::string::npos) << text;
  EXPECT_NE(text.find(R"("top1_agreement":null)"), std::string::npos) << text;
  EXPECT_NE(text.find(R"("first_difference":null)"), std::string::npos) << text;
  row.found.exact = true;
  EXPECT_NE(verify_line(VerifyFormat::kJson, row).find(R"("max_abs_error":null)"),
            std::string::npos);
  EXPECT_NE(verify_line(VerifyFormat::kTable, row).find("exact"), std::string::npos);
}

TEST(VerifyResults, tell_of_another_shape) {
  VerifyRow row{"onnxruntime", "f32", "", 1, "y", 1e-4, {}};
  row.found.first = FirstDifference{0, {}, true, {"FP32 [2]", false}, {"FP32 [3]", false}};
  EXPECT_NE(verify_line(VerifyFormat::kTable, row)
                .find("row 0, output 'y': FP32 [2] expected, FP32 [3] given"),
            std::string::npos);
  EXPECT_NE(verify_line(VerifyFormat::kJson, row)
                .find(R"({"row":0,"element":null,"expected":"FP32 [2]","given":"FP32 [3]"})"),
            std::string::npos);
}

TEST(VerifyResults, name_the_precision_that_the_processor_has) {
  VerifyRow row{"openvino", "f16", "bf16", 1, "y", 1e-1, {}};
  EXPECT_NE(verify_line(VerifyFormat::kTable, row).find(" f16 (bf16) "), std::string::npos);
  EXPECT_NE(verify_line(VerifyFormat::kJson, row).find(R"("precision":"f16","computed_in":"bf16")"),
            std::string::npos);
  row.computed_in = "f16";
  EXPECT_EQ(verify_line(VerifyFormat::kTable, row).find('('), std::string::npos);
}

TEST(VerifyResults, have_no_precision_where_nobody_told) {
  const VerifyRow row{"http://127.0.0.1:8000", "", "", 1, "y", 1e-4, {}};
  EXPECT_NE(verify_line(VerifyFormat::kJson, row).find(R"("precision":null,"computed_in":null)"),
            std::string::npos);
  EXPECT_TRUE(verify_line(VerifyFormat::kTable, row, 22)
                  .starts_with("http://127.0.0.1:8000  -           "));
  EXPECT_TRUE(
      verify_header(VerifyFormat::kTable, 22).starts_with("backend                precision"));
}

TEST(VerifyResults, say_what_could_not_be_verified) {
  EXPECT_EQ(describe_miss({"openvino", "bf16", 8, "why"}), "openvino bf16, batch size 8: why");
  EXPECT_EQ(describe_miss({"onnxruntime", "", 0, "why"}), "onnxruntime: why");
}

}  // namespace
}  // namespace muster
