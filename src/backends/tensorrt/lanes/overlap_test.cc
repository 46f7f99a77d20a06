// SPDX-License-Identifier: Apache-2.0
// What several lanes are for: while one computes, others copy.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <vector>

#include <gtest/gtest.h>

#include "backends/tensorrt/testing/lane_bench.h"

namespace muster::tensorrt {
namespace {

using std::chrono::nanoseconds;
using testing::counting;
using testing::EngineScript;
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

}  // namespace
}  // namespace muster::tensorrt
