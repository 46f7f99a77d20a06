// SPDX-License-Identifier: Apache-2.0
#include <string>

#include <gtest/gtest.h>

#include "app/doctor/testing/facts.h"

namespace muster {
namespace {

using testing::found_by;
using testing::model_with;
using testing::only;

Findings found_of_level(const std::string& level) {
  return found_by(
      "graph-level",
      model_with("max_batch_size: 8\noptimization {\n  graph { level: " + level + " } }"));
}

TEST(MeaningChecks, find_nothing_in_a_sound_model) {
  for (const ModelCheck& check : meaning_checks()) {
    EXPECT_EQ(only(found_by(check.name, model_with())), "none") << check.name;
    EXPECT_EQ(only(found_by(check.name, model_with(""))), "none") << check.name;
    EXPECT_EQ(only(found_by(check.name, model_with("max_batch_size: -1"))), "none") << check.name;
  }
}

TEST(GraphLevel, is_found_where_it_switches_all_off) {
  const Findings found = found_of_level("2");
  EXPECT_EQ(only(found),
            "models/m/config.pbtxt:3: the graph's level is 2, which switches all optimizations of "
            "it off; 0 is all of them -> write 0, or leave it out, unless that is what is meant");
  EXPECT_EQ(found[0].severity, Severity::kWarning);
  EXPECT_EQ(
      only(found_by("graph-level", model_with("parameters { key: \"session.graph_level\" value { "
                                              "string_value: \"2\" } }"))),
      "models/m/config.pbtxt:1: the graph's level is 2, which switches all optimizations of "
      "it off; 0 is all of them -> write 0, or leave it out, unless that is what is meant");
}

TEST(GraphLevel, is_noted_where_it_is_less_than_it_seems) {
  EXPECT_EQ(only(found_of_level("0")), "none");
  const Findings found = found_of_level("1");
  EXPECT_EQ(only(found),
            "models/m/config.pbtxt:3: of the graph's levels, 1 is extended, which is less than 0; "
            "0 is all optimizations -> write 0, or leave it out, unless that is what is meant");
  EXPECT_EQ(found[0].severity, Severity::kNote);
  EXPECT_NE(only(found_of_level("-1")).find("-1 is basic"), std::string::npos);
}

TEST(Format, is_noted_to_be_a_label) {
  const auto with = [](const std::string& format) {
    return model_with(
        "max_batch_size: 8\ninput {\n  name: \"x\" data_type: TYPE_FP32 dims: 4\n"
        "  format: " +
        format + " }");
  };
  const Findings found = found_by("format", with("FORMAT_NHWC"));
  EXPECT_EQ(only(found),
            "models/m/config.pbtxt:4: FORMAT_NHWC is a label: nothing is transposed, and clients "
            "send what the model's shape says -> remove it, or leave it where that is known");
  EXPECT_EQ(found[0].severity, Severity::kNote);
  EXPECT_EQ(only(found_by("format", with("FORMAT_NONE"))), "none");
  ModelFacts picture = with("FORMAT_NCHW");
  picture.versions[0].config->image.emplace();
  EXPECT_EQ(only(found_by("format", picture)), "none");
}

}  // namespace
}  // namespace muster
