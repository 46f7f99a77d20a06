// SPDX-License-Identifier: Apache-2.0
#include "app/doctor/config_text.h"

#include <gtest/gtest.h>

namespace muster {
namespace {

constexpr const char* kText =
    "# max_batch_size: 1\n"
    "name: \"max_batch_size\"\n"
    "max_batch_size: 8\n"
    "dynamic_batching { preferred_batch_size: [ 16 ] }\n";

TEST(ConfigText, tells_the_line_of_a_field_outside_of_comments_and_texts) {
  EXPECT_EQ(line_of_field(kText, "max_batch_size"), 3);
  EXPECT_EQ(line_of_field(kText, "preferred_batch_size"), 4);
  EXPECT_EQ(line_of_field(kText, "instance_group"), 0);
  EXPECT_EQ(line_of_field("a: \"x\\\" max_batch_size\" # max_batch_size\nb: 'max_batch_size",
                          "max_batch_size"),
            0);
  EXPECT_EQ(line_of_field("a: \"open\nmax_batch_size: 1", "max_batch_size"), 2);
}

TEST(ConfigText, tells_the_field_that_a_message_is_about) {
  EXPECT_EQ(field_of("preferred_batch_size 16 is more than max_batch_size 8", kText, 4),
            "preferred_batch_size");
  EXPECT_EQ(field_of("instance_group.gpus is not supported", kText, 4), "instance_group.gpus");
  EXPECT_EQ(field_of("something is wrong", kText, 4), "dynamic_batching");
  EXPECT_EQ(field_of("something is wrong", kText, 9), "");
}

TEST(ConfigText, takes_fixes_out_of_messages) {
  const auto fix = [](const char* message) { return finding_of(message, "otherwise").fix; };
  EXPECT_EQ(fix("max_batch_size is -1; it must be 0 to 65536"), "it must be 0 to 65536");
  EXPECT_EQ(fix("unknown field 'max_bach_size' (did you mean 'max_batch_size'?)"),
            "write 'max_batch_size'");
  EXPECT_EQ(fix("parameter 'x' is unknown; did you mean 'y'?"), "write 'y'");
  EXPECT_EQ(fix("did you mean 'y'?"), "otherwise");
  EXPECT_EQ(fix("input 'x' has dims [-1,4]: drop the leading -1: the batch axis is implicit"),
            "drop the leading -1: the batch axis is implicit");
  EXPECT_EQ(fix("it is wrong"), "otherwise");
  EXPECT_EQ(finding_of("max_batch_size is -1; it must be 0", "").what, "max_batch_size is -1");
}

TEST(ConfigText, makes_findings_of_remarks) {
  const Finding finding =
      finding_of({4, true, "preferred_batch_size 16 is more than max_batch_size 8"}, "m/c", kText);
  EXPECT_EQ(finding.severity, Severity::kError);
  EXPECT_EQ(finding.file, "m/c");
  EXPECT_EQ(finding.line, 4);
  EXPECT_EQ(finding.field, "preferred_batch_size");
  EXPECT_EQ(finding.fix, "change or remove preferred_batch_size");
  EXPECT_EQ(finding_of({0, false, "x"}, "m/c", kText).severity, Severity::kWarning);
}

TEST(ConfigText, finds_the_place_in_a_failure) {
  const Finding of_parameter =
      finding_of_failure("m/c:3: parameter 'x' is wrong; write 1", "m/c", kText, "m/1/model.onnx");
  EXPECT_EQ(of_parameter.file, "m/c");
  EXPECT_EQ(of_parameter.line, 3);
  EXPECT_EQ(of_parameter.what, "parameter 'x' is wrong");
  EXPECT_EQ(of_parameter.field, "max_batch_size");
  const Finding of_model =
      finding_of_failure("m/1/model.onnx: it is broken", "m/c", kText, "m/1/model.onnx");
  EXPECT_EQ(of_model.file, "m/1/model.onnx");
  EXPECT_EQ(of_model.line, 0);
  EXPECT_EQ(of_model.what, "it is broken");
  EXPECT_FALSE(of_model.fix.empty());
}

}  // namespace
}  // namespace muster
