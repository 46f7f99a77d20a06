// SPDX-License-Identifier: Apache-2.0
#include "protocol/explanation_json.h"

#include <string>

#include <gtest/gtest.h>

namespace muster {
namespace {

using std::chrono::microseconds;

BatchingExplanation example() {
  BatchingExplanation one;
  one.name = "a \"model\"";
  one.version = 3;
  one.latency_target = microseconds(7500);
  one.max_batch_size = 32;
  one.merges = true;
  one.instance_count = 2;
  one.costs = {{1, microseconds(1000), microseconds(1250), 7}, {32, microseconds(4000), {}, 1}};
  one.decisions = {{"at_once", 12}, {"drop", 0}};
  one.decision = "go";
  one.reason = "little comes";
  one.delivery = microseconds(500);
  one.rows_per_second = 12.5;
  one.rows_per_second_at_most = 8000;
  one.best_rows = 32;
  one.needed_rows = 1;
  one.dropped = 4;
  one.frozen_config = "max_batch_size: 32\n";
  return one;
}

TEST(ExplanationJson, has_milliseconds_and_what_belongs_to_a_target) {
  EXPECT_EQ(explanation_json(example()),
            R"({"model_name":"a \"model\"","model_version":"3","max_batch_size":32,"merges":true,)"
            R"("max_queue_delay_ms":0,"instances":2,"decision":"go","reason":"little comes",)"
            R"("latency_target_ms":7.5,"delivery_ms":0.5,"rows_per_second":12.5,)"
            R"("rows_per_second_at_most":8000,)"
            R"("best_rows":32,"needed_rows":1,"dropped":4,"frozen_config":"max_batch_size: 32\n",)"
            R"("costs":[{"rows":1,"typical_ms":1,"cautious_ms":1.25,"batches":7},)"
            R"({"rows":32,"typical_ms":4,"batches":1}],"decisions":{"at_once":12,"drop":0}})");
}

TEST(ExplanationJson, leaves_out_what_there_is_not) {
  const std::string json = explanation_json({});
  EXPECT_EQ(json.find("latency_target_ms"), std::string::npos);
  EXPECT_EQ(json.find("frozen_config"), std::string::npos);
}

TEST(ExplanationJson, reads_back_as_it_was) {
  const std::string json = explanation_json(example());
  const auto again = parse_explanation(json);
  ASSERT_TRUE(again.ok()) << again.status().to_string();
  EXPECT_EQ(explanation_json(*again), json);
}

TEST(ExplanationJson, tells_of_a_preparation_where_there_is_one) {
  BatchingExplanation one = example();
  one.preparation.state = PreparationState::kBuilding;
  one.preparation.stand_in = "Fake 1";
  one.preparation.phase = "tactics";
  one.preparation.done = 0.5;
  one.preparation.left = std::chrono::seconds(7);
  const std::string json = explanation_json(one);
  EXPECT_TRUE(json.ends_with(R"(,"preparation":{"state":"building","stand_in":"Fake 1",)"
                             R"("phase":"tactics","done":"0.50","seconds_left":"7"}})"))
      << json;
  const auto again = parse_explanation(json);
  ASSERT_TRUE(again.ok()) << again.status().to_string();
  EXPECT_EQ(explanation_json(*again), json);
  const auto newer = parse_explanation(
      R"({"preparation":{"state":"resting","done":"7","seconds_left":"-1","new":"x"}})");
  ASSERT_TRUE(newer.ok());
  EXPECT_EQ(newer->preparation.state, PreparationState::kNone);
  EXPECT_EQ(newer->preparation.done, 0);
}

TEST(ExplanationJson, passes_over_keys_of_newer_servers) {
  const auto read = parse_explanation(R"({"new":[{"a":1}],"best_rows":4})");
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->best_rows, 4);
}

TEST(ExplanationJson, refuses_what_is_none) {
  for (const char* text :
       {"", "[]", "{", R"({"best_rows":"4"})", R"({"rows_per_second":1e999})",
        R"({"latency_target_ms":-1})", R"({"latency_target_ms":1e300})", R"({"instances":1e9})",
        R"({"instances":99999999999})", R"({"costs":{}})", R"({"costs":[1]})",
        R"({"costs":[{"rows":-0.5}]})", R"({"decisions":[]})", R"({"decisions":{"a":-1}})",
        R"({"model_version":"x"})", R"({} {})"}) {
    EXPECT_FALSE(parse_explanation(text).ok()) << text;
  }
}

}  // namespace
}  // namespace muster
