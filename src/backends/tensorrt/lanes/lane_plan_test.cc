// SPDX-License-Identifier: Apache-2.0
#include "backends/tensorrt/lanes/lane_plan.h"

#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

#include "backends/tensorrt/testing/scripted_engine.h"
#include "base/testing/fake_clock.h"

namespace muster::tensorrt {
namespace {

using testing::add_profile;
using testing::EngineScript;
using testing::rows_script;
using testing::ScriptedDevice;
using testing::ScriptedEngine;

constexpr std::uint64_t kMebi = std::uint64_t{1} << 20;

class LanePlanTest : public ::testing::Test {
 protected:
  // Batches of 64 rows take 1 MiB in and 1 MiB out, and 8 MiB for activations.
  static EngineScript script() {
    EngineScript script = rows_script(64, 4096);
    script.activation_bytes = 8 * kMebi;
    return script;
  }
  Result<LanePlan> plan(const EngineScript& of, int instances = 1) {
    ScriptedEngine engine(device_, of);
    auto plan = plan_lanes(device_, engine, options_, instances);
    EXPECT_EQ(engine.live_contexts(), 0U);
    EXPECT_EQ(device_.live(), 0U);
    EXPECT_TRUE(device_.faults().empty());
    return plan;
  }

  FakeClock clock_;
  ScriptedDevice device_{clock_};
  RunOptions options_;
};

TEST_F(LanePlanTest, gives_each_lane_room_for_the_largest_batch) {
  const auto planned = plan(script());
  ASSERT_TRUE(planned.ok()) << planned.status().to_string();
  EXPECT_EQ(planned->lanes, 3);
  EXPECT_EQ(planned->min_rows, 1);
  EXPECT_EQ(planned->max_rows, 64);
  EXPECT_EQ(planned->activation_bytes, 8 * kMebi);
  ASSERT_EQ(planned->ports.size(), 2U);
  EXPECT_EQ(planned->ports[0].bytes, kMebi);
  EXPECT_EQ(planned->ports[1].bytes, kMebi);
  EXPECT_EQ(planned->lane_bytes, 10 * kMebi);
  EXPECT_EQ(planned->ladder.back(), 64);
  EXPECT_EQ(planned->ladder.size(), 20U);
}

TEST_F(LanePlanTest, plans_more_lanes_where_rows_take_long_to_gather) {
  EXPECT_EQ(usual_lanes(0), 3);
  EXPECT_EQ(usual_lanes(3136), 3) << "digits";
  EXPECT_EQ(usual_lanes(std::size_t{3} * 224 * 224), 3) << "pictures";
  EXPECT_EQ(usual_lanes(std::size_t{4} * 3 * 224 * 224), 5) << "pictures as FP32";
  EXPECT_EQ(usual_lanes(SIZE_MAX), 6);

  EngineScript pictures = rows_script(4, 3 * 224 * 224);
  EXPECT_EQ(plan(pictures)->lanes, 5);
  options_.lanes = 2;
  EXPECT_EQ(plan(pictures)->lanes, 2);
}

TEST_F(LanePlanTest, gives_every_instance_lanes_of_its_own) {
  const auto planned = plan(script(), 2);
  ASSERT_TRUE(planned.ok());
  EXPECT_EQ(planned->lanes, 6);
}

TEST_F(LanePlanTest, plans_fewer_lanes_where_memory_is_short) {
  device_.set_memory(kSpareBytes + 25 * kMebi);
  const auto planned = plan(script());
  ASSERT_TRUE(planned.ok());
  EXPECT_EQ(planned->lanes, 2);
  EXPECT_EQ(planned->max_rows, 64);
}

TEST_F(LanePlanTest, then_plans_smaller_batches) {
  device_.set_memory(kSpareBytes + 9 * kMebi);
  const auto planned = plan(script());
  ASSERT_TRUE(planned.ok()) << planned.status().to_string();
  EXPECT_EQ(planned->lanes, 1);
  EXPECT_EQ(planned->max_rows, 32);
  EXPECT_EQ(planned->ladder.back(), 32);
}

TEST_F(LanePlanTest, says_what_one_lane_takes_and_what_is_free) {
  device_.set_memory(kSpareBytes + 7 * kMebi);
  const auto planned = plan(script());
  EXPECT_EQ(planned.status().to_string(),
            "RESOURCE_EXHAUSTED: a lane for batches of 1 takes 8 MiB for activations and 1 MiB for "
            "inputs and outputs; the GPU has 263 MiB free, of which 256 MiB are left to others");
}

TEST_F(LanePlanTest, counts_activations_once_where_lanes_share_them) {
  options_.order = ComputeOrder::kOrdered;
  device_.set_memory(kSpareBytes + 14 * kMebi);
  const auto planned = plan(script());
  ASSERT_TRUE(planned.ok()) << planned.status().to_string();
  EXPECT_EQ(planned->lanes, 3);
  EXPECT_EQ(planned->lane_bytes, 2 * kMebi);
}

TEST_F(LanePlanTest, has_graphs_of_the_sizes_that_were_asked_for_and_that_a_profile_takes) {
  options_.graph_batch_sizes = {1, 4, 20, 32, 128};
  EngineScript two = rows_script(8);
  add_profile(two, 32, 64);
  const auto planned = plan(two);
  ASSERT_TRUE(planned.ok());
  EXPECT_EQ(planned->ladder, std::vector<std::int64_t>({1, 4, 32}));
}

TEST_F(LanePlanTest, has_one_graph_where_every_shape_is_fixed) {
  EngineScript fixed = rows_script(8);
  for (EnginePort& port : fixed.ports)
    port.spec.shape = {2, 4};
  fixed.profiles.clear();
  add_profile(fixed, 2, 2);
  const auto planned = plan(fixed);
  ASSERT_TRUE(planned.ok());
  EXPECT_EQ(planned->ladder, std::vector<std::int64_t>({0}));
  EXPECT_EQ(planned->max_rows, 0);
  EXPECT_EQ(planned->ports[1].bytes, 32U);
}

TEST_F(LanePlanTest, has_no_graphs_where_an_output_is_found_or_a_shape_is_open) {
  EngineScript found = rows_script(8);
  found.ports.push_back({{"some", DataType::kFp32, {kDynamicDim}, {}}, false, false, true});
  const auto with_found = plan(found);
  ASSERT_TRUE(with_found.ok());
  EXPECT_TRUE(with_found->ladder.empty());
  EXPECT_EQ(with_found->ports[2].bytes, 0U);
  EXPECT_FALSE(with_found->fills);

  EngineScript open = rows_script(8);
  open.ports[0].spec.shape = {kDynamicDim, kDynamicDim};
  const auto with_open = plan(open);
  ASSERT_TRUE(with_open.ok());
  EXPECT_TRUE(with_open->ladder.empty());
  EXPECT_TRUE(with_open->fills);

  options_.graphs = false;
  const auto without = plan(rows_script(8));
  ASSERT_TRUE(without.ok());
  EXPECT_TRUE(without->ladder.empty());
}

}  // namespace
}  // namespace muster::tensorrt
