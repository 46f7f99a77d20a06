// SPDX-License-Identifier: Apache-2.0
// What several lanes are for: while one computes, others copy.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "backends/tensorrt/testing/lane_bench.h"

namespace muster::tensorrt {
namespace {

using std::chrono::nanoseconds;
using testing::Call;
using testing::counting;
using testing::EngineScript;
using testing::Floats;
using testing::LaneBench;
using testing::OpKind;
using testing::rows_script;
using testing::ScriptedOp;

constexpr std::int64_t kBatches = 12;
// A batch of two rows is 32 bytes in, 32 bytes out.
constexpr nanoseconds kCopy{3200};
constexpr nanoseconds kCompute{6000};

class OverlapTest : public LaneBench {
 protected:
  OverlapTest() : LaneBench({.in_per_byte = kCopy / 32, .out_per_byte = kCopy / 32}) {}

  static EngineScript script() {
    EngineScript script = rows_script(2);
    script.per_run = kCompute;
    return script;
  }
  // The lanes run batches in turn; the time from the first copy to the last.
  nanoseconds makespan() {
    for (std::int64_t i = 0; i < kBatches; ++i) {
      const std::size_t lane = static_cast<std::size_t>(i) % lanes_.size();
      const auto x = counting(8, static_cast<float>(i));
      EXPECT_TRUE(run(x, lane).ok());
      EXPECT_EQ(output(0, lane), x);
    }
    return span_of(device_.ops());
  }
  static nanoseconds span_of(const std::vector<ScriptedOp>& ops) {
    nanoseconds first = nanoseconds::max();
    nanoseconds last{0};
    for (const ScriptedOp& op : ops) {
      first = std::min(first, op.start);
      last = std::max(last, op.end);
    }
    return last - first;
  }
};

TEST_F(OverlapTest, one_lane_does_one_thing_after_the_other) {
  open(script());
  EXPECT_EQ(makespan(), kBatches * (kCopy + kCompute + kCopy));
}

TEST_F(OverlapTest, three_lanes_keep_the_engine_busy) {
  open(script(), 3);
  // The first batch's way in, and the last one's way out.
  EXPECT_EQ(makespan(), kCopy + kBatches * kCompute + kCopy);
}

TEST_F(OverlapTest, lanes_in_order_overlap_copies_as_well) {
  options_.order = ComputeOrder::kOrdered;
  open(script(), 3);
  EXPECT_EQ(makespan(), kCopy + kBatches * kCompute + kCopy);
}

TEST_F(OverlapTest, lanes_in_order_share_one_block_of_activations) {
  options_.order = ComputeOrder::kOrdered;
  open(script(), 3);
  const std::uint64_t rooms = 3 * 2 * 2 * 16;
  EXPECT_EQ(supply_->device_bytes(), rooms + script().activation_bytes);
}

TEST_F(OverlapTest, copies_and_computing_are_on_engines_of_their_own) {
  open(script(), 3);
  (void)makespan();
  std::map<OpKind, nanoseconds> busy_until;
  for (const ScriptedOp& op : device_.ops()) {
    EXPECT_GE(op.start, busy_until[op.kind]);
    busy_until[op.kind] = op.end;
  }
}

// On a GPU that computes everything at once, so that what does not was told to wait. Computing
// takes longer than the copies of all lanes together.
class TurnsTest : public LaneBench {
 protected:
  TurnsTest()
      : LaneBench({.in_per_byte = kCopy / 32,
                   .out_per_byte = kCopy / 32,
                   .computes_side_by_side = true}) {
    options_.compute_turn_bytes = 32;
  }
  void open_lanes(std::size_t lanes) {
    EngineScript script = rows_script(2);
    script.per_run = 10 * kCopy;
    options_.lanes = static_cast<int>(lanes);
    open(std::move(script), lanes);
  }
  // Batches of so many rows, by the lanes in turn.
  void run_all(std::size_t rows) {
    for (std::int64_t i = 0; i < kBatches; ++i) {
      const std::size_t lane = static_cast<std::size_t>(i) % lanes_.size();
      const auto x = counting(4 * rows, static_cast<float>(i));
      ASSERT_TRUE(run(x, lane).ok());
      ASSERT_EQ(output(0, lane), x);
    }
  }
  // How many runs were under way at the same time.
  std::ptrdiff_t most_at_once() {
    const std::vector<ScriptedOp> ops = device_.ops();
    std::ptrdiff_t most = 0;
    for (const ScriptedOp& op : ops) {
      if (op.kind != OpKind::kCompute) continue;
      most = std::max(most, std::ranges::count_if(ops, [&](const ScriptedOp& other) {
                        return other.kind == OpKind::kCompute && other.start <= op.start &&
                               other.end > op.start;
                      }));
    }
    return most;
  }
};

TEST_F(TurnsTest, batches_that_bring_much_compute_one_at_a_time) {
  open_lanes(4);
  run_all(2);
  EXPECT_EQ(most_at_once(), 1);
}

TEST_F(TurnsTest, or_as_many_at_a_time_as_is_said) {
  options_.compute_turns = 2;
  open_lanes(4);
  run_all(2);
  EXPECT_EQ(most_at_once(), 2);
}

TEST_F(TurnsTest, all_of_them_where_there_are_no_more_lanes) {
  options_.compute_turns = 4;
  open_lanes(4);
  run_all(2);
  EXPECT_EQ(most_at_once(), 4);
  EXPECT_EQ(device_.calls(Call::kHold), 0U);
}

TEST_F(TurnsTest, batches_that_bring_little_wait_for_nobody_and_are_one_launch) {
  open_lanes(4);
  run_all(1);
  EXPECT_EQ(most_at_once(), 4);
  EXPECT_EQ(device_.calls(Call::kHold), 0U);
  EXPECT_TRUE(std::ranges::all_of(device_.ops(), &ScriptedOp::in_graph));
}

TEST_F(TurnsTest, nobody_waits_where_all_compute_at_the_same_time) {
  options_.order = ComputeOrder::kConcurrent;
  open_lanes(4);
  run_all(2);
  EXPECT_EQ(most_at_once(), 4);
}

TEST_F(TurnsTest, what_is_on_the_device_already_does_not_count) {
  open_lanes(3);
  const Floats there = counting(8, 100);
  auto memory = device_.allocate(32);
  ASSERT_TRUE(memory.ok());
  std::memcpy(memory->get(), there.data(), 32);
  for (const std::size_t from_device : {0U, 4U, 32U}) {
    const std::size_t before = device_.calls(Call::kHold);
    ASSERT_TRUE(prepare(counting(8)).ok());
    if (from_device > 0) {
      const DeviceBytes bytes{0, static_cast<std::byte*>(memory->get()), from_device};
      ASSERT_TRUE(lanes_[0]->take_from_device(0, 0, bytes).ok());
    }
    ASSERT_TRUE(lanes_[0]->run().ok());
    EXPECT_EQ(output()[0], from_device > 0 ? 100 : 1);
    EXPECT_EQ(device_.calls(Call::kHold) - before, from_device > 0 ? 0U : 1U) << from_device;
  }
}

TEST_F(TurnsTest, who_failed_in_his_turn_keeps_nobody_from_theirs) {
  options_.compute_turns = 1;
  open_lanes(3);
  run_all(2);
  device_.fail(Call::kLaunch, internal_error("a scripted fault"));
  EXPECT_EQ(run(counting(8)).message(), "a scripted fault");
  run_all(2);
  EXPECT_EQ(most_at_once(), 1);
}

}  // namespace
}  // namespace muster::tensorrt
