// SPDX-License-Identifier: Apache-2.0
#include "backends/tensorrt/lanes/lane_supply.h"

#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include "backends/tensorrt/testing/lane_bench.h"

namespace muster::tensorrt {
namespace {

using std::chrono::seconds;
using testing::Call;
using testing::counting;
using testing::LaneBench;
using testing::rows_script;
using testing::ScriptedEngine;

TEST(LaneBody, is_due_by_age_by_batches_and_where_it_ran_out_of_memory) {
  const Clock::TimePoint made = Clock::TimePoint(seconds(100));
  LaneBody body;
  body.made_at = made;
  body.batches = 10;
  EXPECT_FALSE(is_due(body, {}, made + seconds(1000000)));
  EXPECT_FALSE(is_due(body, {seconds(60), 0}, made + seconds(59)));
  EXPECT_TRUE(is_due(body, {seconds(60), 0}, made + seconds(60)));
  EXPECT_FALSE(is_due(body, {seconds(0), 11}, made));
  EXPECT_TRUE(is_due(body, {seconds(0), 10}, made));
  body.ran_out = true;
  EXPECT_TRUE(is_due(body, {}, made));
}

class LaneSupplyTest : public LaneBench {
 protected:
  // Where the lane's outputs lie tells its bodies apart.
  const std::byte* place(std::size_t lane = 0) {
    const auto view = lanes_[lane]->output(0);
    return view.ok() ? view->bytes.data() : nullptr;
  }
  const std::byte* place_after_a_run(std::size_t lane = 0) {
    EXPECT_TRUE(run(counting(4), lane).ok());
    EXPECT_EQ(output(0, lane), counting(4));
    return place(lane);
  }
};

TEST_F(LaneSupplyTest, makes_all_graphs_before_the_lane_is_there) {
  options_.graph_batch_sizes = {1, 2, 4};
  open(rows_script(4));
  EXPECT_EQ(engine_->live_contexts(), 4U);  // each graph has one of its own
  EXPECT_EQ(device_.calls(Call::kEndCapture), 6U);
  const std::size_t contexts = engine_->contexts_made();
  for (const std::size_t rows : {1U, 2U, 3U, 4U})
    ASSERT_TRUE(run(counting(4 * rows)).ok());
  EXPECT_EQ(engine_->contexts_made(), contexts);
  EXPECT_EQ(device_.calls(Call::kEndCapture), 6U);
}

TEST_F(LaneSupplyTest, renews_between_batches_without_waiting) {
  options_.context_max_requests = 2;
  open(rows_script(4));
  const std::byte* const first = place_after_a_run();
  EXPECT_EQ(place_after_a_run(), first);
  // Due: a fresh one is begun, and this batch is run by the old one.
  EXPECT_EQ(place_after_a_run(), first);
  supply_->await_quiet();
  const std::byte* const second = place_after_a_run();
  EXPECT_NE(second, first);
  EXPECT_EQ(place_after_a_run(), second);
}

TEST_F(LaneSupplyTest, renews_by_age) {
  options_.context_max_age = seconds(3600);
  open(rows_script(4));
  const std::byte* const first = place_after_a_run();
  clock_.advance(seconds(3599));
  EXPECT_EQ(place_after_a_run(), first);
  supply_->await_quiet();
  EXPECT_EQ(place_after_a_run(), first);
  clock_.advance(seconds(1));
  (void)place_after_a_run();
  supply_->await_quiet();
  EXPECT_NE(place_after_a_run(), first);
}

TEST_F(LaneSupplyTest, renews_one_lane_at_a_time) {
  options_.context_max_requests = 1;
  open(rows_script(4), 3);
  const std::uint64_t three = supply_->device_bytes();
  for (int round = 0; round < 4; ++round) {
    for (std::size_t lane = 0; lane < 3; ++lane)
      (void)place_after_a_run(lane);
    supply_->await_quiet();
    EXPECT_LE(supply_->device_bytes(), three / 3 * 4);
  }
}

TEST_F(LaneSupplyTest, goes_on_with_the_old_one_where_none_can_be_made) {
  options_.context_max_requests = 1;
  open(rows_script(4));
  engine_->fail_contexts(true);
  const std::byte* const first = place_after_a_run();
  (void)place_after_a_run();
  supply_->await_quiet();
  const std::size_t attempts = device_.calls(Call::kNewStream);
  EXPECT_EQ(place_after_a_run(), first);
  supply_->await_quiet();
  EXPECT_EQ(device_.calls(Call::kNewStream), attempts);  // not with every batch
  clock_.advance(kRetryRenewalAfter);
  engine_->fail_contexts(false);
  EXPECT_EQ(place_after_a_run(), first);
  supply_->await_quiet();
  EXPECT_NE(place_after_a_run(), first);
}

TEST_F(LaneSupplyTest, gives_a_body_that_was_given_back_to_the_next_lane) {
  open(rows_script(4));
  const std::byte* const first = place_after_a_run();
  const std::size_t contexts = engine_->contexts_made();
  lanes_.clear();
  ASSERT_TRUE(add_lane().ok());
  EXPECT_EQ(place_after_a_run(), first);
  EXPECT_EQ(engine_->contexts_made(), contexts);
}

TEST_F(LaneSupplyTest, does_without_graphs_where_they_cannot_be_captured) {
  device_.fail(Call::kEndCapture, internal_error("not this kernel"));
  open(rows_script(4), 2);
  EXPECT_EQ(device_.calls(Call::kEndCapture), 1U);  // once for all
  const std::size_t launches = device_.calls(Call::kLaunch);
  ASSERT_TRUE(run(counting(4)).ok());
  EXPECT_EQ(output(), counting(4));
  EXPECT_EQ(device_.calls(Call::kLaunch), launches);
}

TEST_F(LaneSupplyTest, refuses_a_lane_and_keeps_nothing_where_a_part_of_it_fails) {
  open(rows_script(4), 0);
  const std::size_t own = device_.live();  // the supply's
  for (const Call call :
       {Call::kAllocate, Call::kAllocatePinned, Call::kNewStream, Call::kNewEvent}) {
    device_.fail(call, resource_exhausted("no more"), call == Call::kAllocate ? 2 : 0);
    EXPECT_EQ(add_lane().to_string(), "RESOURCE_EXHAUSTED: no more");
    EXPECT_EQ(device_.live(), own);
    EXPECT_EQ(engine_->live_contexts(), 0U);
  }
  engine_->fail_contexts(true);
  EXPECT_EQ(add_lane().code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(device_.live(), own);
  engine_->fail_contexts(false);
  ASSERT_TRUE(add_lane().ok());
  ASSERT_TRUE(run(counting(4)).ok());
}

TEST_F(LaneSupplyTest, refuses_lanes_of_a_device_that_breaks_while_they_are_made) {
  open(rows_script(4), 0);
  device_.fail(Call::kBeginCapture, Status(kBrokenForGood, "gone"));
  EXPECT_EQ(add_lane().code(), kBrokenForGood);
}

TEST_F(LaneSupplyTest, frees_everything_in_order) {
  options_.graph_batch_sizes = {1};
  options_.context_max_requests = 1;
  open(rows_script(2));
  const std::size_t live = device_.live();
  for (int i = 0; i < 10000; ++i) {
    ASSERT_TRUE(run(counting(4)).ok());
    lanes_.clear();  // due, and freed on the supply's thread
    ASSERT_TRUE(add_lane().ok());
  }
  supply_->await_quiet();
  EXPECT_EQ(device_.live(), live);
  EXPECT_EQ(engine_->live_contexts(), 2U);
  EXPECT_GE(engine_->contexts_made(), 20000U);
}

}  // namespace
}  // namespace muster::tensorrt
