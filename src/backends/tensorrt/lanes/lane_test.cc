// SPDX-License-Identifier: Apache-2.0
#include "backends/tensorrt/lanes/lane.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "backends/tensorrt/testing/lane_bench.h"

namespace muster::tensorrt {
namespace {

using std::chrono::microseconds;
using testing::add_profile;
using testing::Call;
using testing::counting;
using testing::EngineScript;
using testing::Floats;
using testing::LaneBench;
using testing::OpKind;
using testing::rows_script;
using testing::ScriptedOp;
using testing::times;

class LaneTest : public LaneBench {
 protected:
  [[nodiscard]] std::vector<std::size_t> sizes(OpKind kind) const {
    std::vector<std::size_t> found;
    for (const ScriptedOp& op : device_.ops()) {
      if (op.kind == kind) found.push_back(op.size);
    }
    return found;
  }
  [[nodiscard]] bool all_in_graphs() const {
    const auto ops = device_.ops();
    return !ops.empty() && std::ranges::all_of(ops, &ScriptedOp::in_graph);
  }
};

TEST_F(LaneTest, runs_a_batch_with_one_launch) {
  open(rows_script(16));
  const std::size_t launches = device_.calls(Call::kLaunch);
  ASSERT_TRUE(run(counting(8)).ok());
  EXPECT_EQ(output(), counting(8));
  EXPECT_EQ(device_.calls(Call::kLaunch), launches + 1);
  EXPECT_TRUE(all_in_graphs());
  const auto view = lanes_[0]->output(0);
  ASSERT_TRUE(view.ok());
  EXPECT_EQ(view->shape, Shape({2, 4}));
}

TEST_F(LaneTest, fills_up_to_the_ladder_with_zeros_and_cuts_what_comes_out) {
  options_.graph_batch_sizes = {1, 4};
  open(rows_script(4));
  ASSERT_TRUE(run(counting(16, 100)).ok());  // leaves rows behind
  ASSERT_TRUE(run(counting(12)).ok());
  EXPECT_EQ(output(), counting(12));
  EXPECT_EQ(lanes_[0]->output(0)->shape, Shape({3, 4}));
  EXPECT_EQ(sizes(OpKind::kCompute), std::vector<std::size_t>({4, 4}));
  // What was run behind the three rows were zeros, not the other batch's.
  const auto view = lanes_[0]->output(0);
  Floats behind(4);
  std::memcpy(behind.data(), view->bytes.data() + view->bytes.size(), 16);
  EXPECT_EQ(behind, Floats(4, 0));
}

TEST_F(LaneTest, fills_up_to_the_smallest_batch_of_the_profile_without_graphs_too) {
  options_.graphs = false;
  open(rows_script(16, 4, 6));
  ASSERT_TRUE(run(counting(8)).ok());
  EXPECT_EQ(output(), counting(8));
  EXPECT_EQ(sizes(OpKind::kCompute), std::vector<std::size_t>({6}));
  EXPECT_FALSE(all_in_graphs());
}

TEST_F(LaneTest, gives_the_same_by_graph_and_by_steps_in_any_order_of_sizes) {
  options_.graph_batch_sizes = {2, 5};
  open(rows_script(16));
  for (const std::size_t rows : {5U, 9U, 2U, 16U, 4U, 1U, 5U, 11U}) {
    ASSERT_TRUE(run(counting(4 * rows, static_cast<float>(rows))).ok());
    EXPECT_EQ(output(), counting(4 * rows, static_cast<float>(rows))) << rows;
  }
}

TEST_F(LaneTest, runs_a_batch_of_no_rows) {
  open(rows_script(16));
  ASSERT_TRUE(run({}).ok());
  EXPECT_TRUE(output().empty());
  EXPECT_EQ(lanes_[0]->output(0)->shape, Shape({0, 4}));
}

TEST_F(LaneTest, changes_profiles_between_batches) {
  EngineScript two = rows_script(4);
  add_profile(two, 8, 16);
  options_.graphs = false;
  open(two);
  for (const std::size_t rows : {2U, 12U, 12U, 3U}) {
    ASSERT_TRUE(run(counting(4 * rows)).ok()) << rows;
    EXPECT_EQ(output(), counting(4 * rows));
  }
  EXPECT_EQ(run(counting(24)).to_string(),
            "INVALID_ARGUMENT: input 'x' is [6,4]; the engine takes [1,4] to [4,4] or [8,4] to "
            "[16,4]");
  ASSERT_TRUE(run(counting(4)).ok());
}

TEST_F(LaneTest, fills_a_gap_between_profiles_up) {
  EngineScript two = rows_script(4);
  add_profile(two, 8, 16);
  open(two);
  ASSERT_TRUE(run(counting(24)).ok());
  EXPECT_EQ(output(), counting(24));
  EXPECT_EQ(sizes(OpKind::kCompute), std::vector<std::size_t>({8}));
}

TEST_F(LaneTest, says_what_is_wrong_with_an_input) {
  open(rows_script(16));
  Lane& lane = *lanes_[0];
  EXPECT_EQ(lane.input(1, {1, 4}, 16).status().to_string(),
            "INVALID_ARGUMENT: the model has no input number 1");
  EXPECT_EQ(lane.input(0, {1, 5}, 20).status().to_string(),
            "INVALID_ARGUMENT: input 'x' is [1,5], where the model has [-1,4]");
  EXPECT_EQ(lane.input(0, {4}, 16).status().to_string(),
            "INVALID_ARGUMENT: input 'x' is [4], where the model has [-1,4]");
  EXPECT_EQ(lane.input(0, {1, 4}, 17).status().to_string(),
            "INVALID_ARGUMENT: input 'x' has 17 bytes; FP32[1,4] takes 16");
  EXPECT_EQ(lane.input(0, {17, 4}, 272).status().to_string(),
            "INVALID_ARGUMENT: input 'x' is [17,4]; the engine takes [1,4] to [16,4]");
  EXPECT_EQ(lane.run().to_string(),
            "FAILED_PRECONDITION: run() was called before every input was prepared");
  EXPECT_EQ(lane.output(0).status().code(), StatusCode::kFailedPrecondition);
  ASSERT_TRUE(run(counting(4)).ok());
}

TEST_F(LaneTest, refuses_what_there_was_no_memory_for) {
  EngineScript large = rows_script(64, 4);
  large.activation_bytes = std::size_t{1} << 20;
  device_.set_memory(kSpareBytes + (std::uint64_t{1} << 20) + 1024);
  open(large);
  EXPECT_EQ(supply_->plan().max_rows, 32);
  EXPECT_EQ(run(counting(256)).to_string(),
            "RESOURCE_EXHAUSTED: input 'x' [64,4] does not fit: the GPU had memory for batches of "
            "32 when the model was loaded");
  ASSERT_TRUE(run(counting(128)).ok());
}

TEST_F(LaneTest, wants_as_many_rows_of_every_input) {
  EngineScript two = rows_script(8);
  const TensorSpec z{"z", DataType::kFp32, {kDynamicDim, 4}, {}};
  two.ports.insert(two.ports.begin() + 1, EnginePort{z, true, false, false});
  two.profiles.clear();
  add_profile(two, 1, 8);
  open(two);
  ASSERT_TRUE(prepare(counting(8), 0, 0).ok());
  ASSERT_TRUE(prepare(counting(4), 0, 1).ok());
  EXPECT_EQ(lanes_[0]->run().to_string(),
            "INVALID_ARGUMENT: input 'z' has 1 rows and the first input 2");
  ASSERT_TRUE(prepare(counting(8), 0, 0).ok());
  ASSERT_TRUE(prepare(counting(8), 0, 1).ok());
  ASSERT_TRUE(lanes_[0]->run().ok());
  EXPECT_EQ(output(), times(2, counting(8)));
}

TEST_F(LaneTest, takes_rows_from_the_device_between_those_of_the_host) {
  open(rows_script(8));
  auto region = device_.allocate(64);
  ASSERT_TRUE(region.ok());
  const Floats theirs = counting(8, 500);
  std::memcpy(region->get(), theirs.data(), 32);
  Floats x = counting(16);
  ASSERT_TRUE(prepare(x).ok());
  ASSERT_TRUE(
      lanes_[0]->take_from_device(0, 16, {0, static_cast<std::byte*>(region->get()), 32}).ok());
  ASSERT_TRUE(lanes_[0]->run().ok());
  std::copy(theirs.begin(), theirs.end(), x.begin() + 4);
  EXPECT_EQ(output(), x);
  EXPECT_EQ(sizes(OpKind::kCopyWithin), std::vector<std::size_t>({32}));
  EXPECT_EQ(sizes(OpKind::kCopyIn), std::vector<std::size_t>({16, 16}));
  // The next batch knows nothing of it.
  ASSERT_TRUE(run(counting(16)).ok());
  EXPECT_EQ(output(), counting(16));
}

TEST_F(LaneTest, forgets_what_was_taken_for_a_batch_that_was_given_up) {
  open(rows_script(8));
  auto region = device_.allocate(64);
  ASSERT_TRUE(region.ok());
  ASSERT_TRUE(prepare(counting(4)).ok());
  ASSERT_TRUE(
      lanes_[0]->take_from_device(0, 0, {0, static_cast<std::byte*>(region->get()), 16}).ok());
  ASSERT_TRUE(run(counting(8)).ok());
  EXPECT_EQ(output(), counting(8));
}

TEST_F(LaneTest, refuses_device_memory_that_it_cannot_take) {
  open(rows_script(8));
  std::byte byte{};
  Lane& lane = *lanes_[0];
  EXPECT_EQ(lane.take_from_device(0, 0, {0, &byte, 1}).code(), StatusCode::kFailedPrecondition);
  ASSERT_TRUE(prepare(counting(4)).ok());
  EXPECT_EQ(lane.take_from_device(0, 0, {1, &byte, 1}).code(), StatusCode::kUnimplemented);
  EXPECT_EQ(lane.take_from_device(0, 16, {0, &byte, 1}).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(lane.take_from_device(0, 0, {0, &byte, 17}).code(), StatusCode::kInvalidArgument);
  EXPECT_TRUE(lane.take_from_device(0, 4, {0, &byte, 4}).ok());
  EXPECT_EQ(lane.take_from_device(0, 7, {0, &byte, 1}).code(), StatusCode::kInvalidArgument);
}

TEST_F(LaneTest, finds_the_size_of_an_output_while_it_runs) {
  EngineScript found = rows_script(8);
  found.ports.push_back({{"some", DataType::kFp32, {kDynamicDim}, {}}, false, false, true});
  open(found);
  ASSERT_TRUE(run({-1, 2, -3, 4}).ok());
  EXPECT_EQ(output(0), Floats({-1, 2, -3, 4}));
  EXPECT_EQ(output(1), Floats({2, 4}));
  ASSERT_TRUE(run(counting(8)).ok());  // more than there was room for
  EXPECT_EQ(output(1), counting(8));
  ASSERT_TRUE(run({-1, -1, -1, -1}).ok());
  EXPECT_TRUE(output(1).empty());
  EXPECT_EQ(lanes_[0]->output(1)->shape, Shape({0}));
}

TEST_F(LaneTest, says_that_memory_was_out_where_an_output_found_none) {
  EngineScript found = rows_script(8);
  found.ports.push_back({{"some", DataType::kFp32, {kDynamicDim}, {}}, false, false, true});
  open(found);
  device_.fail(Call::kAllocate, resource_exhausted("nothing is left"));
  EXPECT_EQ(run(counting(4)).to_string(), "RESOURCE_EXHAUSTED: nothing is left");
  ASSERT_TRUE(run(counting(4)).ok());
  EXPECT_EQ(output(1), counting(4));
}

TEST_F(LaneTest, leaves_what_the_engine_reads_on_the_host_there) {
  EngineScript shaped = rows_script(8);
  const TensorSpec shape{"shape", DataType::kInt64, {2}, {}};
  shaped.ports.insert(shaped.ports.begin() + 1, EnginePort{shape, true, true, false});
  shaped.profiles.clear();
  add_profile(shaped, 1, 8);
  open(shaped);
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(prepare(counting(4)).ok());
    ASSERT_TRUE(lanes_[0]->input(1, {2}, 16).ok());
    ASSERT_TRUE(lanes_[0]->run().ok());
  }
  EXPECT_EQ(sizes(OpKind::kCopyIn), std::vector<std::size_t>({16, 16}));
  EXPECT_FALSE(all_in_graphs());
}

TEST_F(LaneTest, spins_only_for_short_batches) {
  EngineScript script = rows_script(64);
  script.per_row = microseconds(10);
  open(script);
  const auto wait_of = [&](std::size_t rows) {
    device_.forget_ops();
    EXPECT_TRUE(run(counting(4 * rows)).ok());
    return device_.waits().back();
  };
  EXPECT_EQ(wait_of(4), Wait::kBlock);  // nothing is known yet
  EXPECT_EQ(wait_of(4), Wait::kSpin);
  EXPECT_EQ(wait_of(64), Wait::kBlock);
  EXPECT_EQ(wait_of(64), Wait::kBlock);
  EXPECT_EQ(wait_of(4), Wait::kSpin);
}

TEST_F(LaneTest, waits_as_it_was_told) {
  EngineScript script = rows_script(4);
  script.per_row = microseconds(1000);
  options_.wait = WaitChoice::kSpin;
  open(script);
  ASSERT_TRUE(run(counting(4)).ok());
  EXPECT_EQ(device_.waits().back(), Wait::kSpin);
}

TEST_F(LaneTest, goes_on_step_by_step_after_a_batch_that_failed) {
  open(rows_script(8));
  device_.fail(Call::kWait, internal_error("a kernel fell over"));
  EXPECT_EQ(run(counting(4)).to_string(), "INTERNAL: a kernel fell over");
  EXPECT_FALSE(lanes_[0]->output(0).ok());
  device_.forget_ops();
  ASSERT_TRUE(run(counting(4)).ok());
  EXPECT_EQ(output(), counting(4));
  EXPECT_FALSE(all_in_graphs());  // that graph is trusted no more
  device_.forget_ops();
  ASSERT_TRUE(run(counting(8)).ok());
  EXPECT_TRUE(all_in_graphs());
}

TEST_F(LaneTest, survives_a_failure_of_every_step) {
  options_.graph_batch_sizes = {1};
  open(rows_script(8));
  for (const Call call :
       {Call::kCopyIn, Call::kCompute, Call::kCopyOut, Call::kRecord, Call::kWait}) {
    device_.fail(call, internal_error("no"));
    EXPECT_EQ(run(counting(12)).to_string(), "INTERNAL: no");
    ASSERT_TRUE(run(counting(12, 7)).ok());
    EXPECT_EQ(output(), counting(12, 7));
  }
  device_.fail(Call::kLaunch, internal_error("no"));
  EXPECT_FALSE(run(counting(4)).ok());
  ASSERT_TRUE(run(counting(4)).ok());
  EXPECT_EQ(output(), counting(4));
}

TEST_F(LaneTest, says_for_good_that_the_device_is_gone) {
  open(rows_script(8));
  device_.fail(Call::kLaunch, Status(kBrokenForGood, "the GPU fell off the bus"));
  EXPECT_EQ(run(counting(4)).code(), kBrokenForGood);
  EXPECT_EQ(run(counting(4)).code(), kBrokenForGood);
  EXPECT_EQ(add_lane().code(), kBrokenForGood);
}

}  // namespace
}  // namespace muster::tensorrt
