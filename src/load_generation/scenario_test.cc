// SPDX-License-Identifier: Apache-2.0
#include "load_generation/scenario.h"

#include <gtest/gtest.h>

namespace muster {
namespace {

TEST(Scenario, is_known_by_its_name_in_any_case) {
  for (const char* name : {"SingleStream", "singlestream", "single-stream", "SINGLE-STREAM"})
    EXPECT_EQ(parse_scenario(name), Scenario::kSingleStream) << name;
  for (const Scenario scenario :
       {Scenario::kOffline, Scenario::kServer, Scenario::kSingleStream, Scenario::kMultiStream})
    EXPECT_EQ(parse_scenario(scenario_name(scenario)), scenario);
  for (const char* name : {"", "single", "off line", "servers"})
    EXPECT_EQ(parse_scenario(name), std::nullopt) << name;
}

}  // namespace
}  // namespace muster
