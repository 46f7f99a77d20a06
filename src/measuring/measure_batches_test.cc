// SPDX-License-Identifier: Apache-2.0
#include "measuring/measure_batches.h"

#include <cstddef>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

#include "measuring/testing/counted_new.h"
#include "measuring/testing/timed_session.h"

namespace muster {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

class MeasureBatches : public ::testing::Test {
 protected:
  Result<BatchMeasurement> measure(const MeasuringExtent& extent) {
    const ModelSignature signature{{{"x", DataType::kFp32, {kDynamicDim, 2}, {}}}, {}};
    const auto inputs = SampleInputs::make(signature, true, 4, {}, 1 << 20);
    return measure_batches(session_, *inputs, 1, 4, extent, clock_, usage_);
  }

  FakeClock clock_;
  FakeUsage usage_;
  TimedSession session_{clock_, usage_};
};

TEST_F(MeasureBatches, leaves_the_warm_up_out_of_the_figures) {
  session_.lengths = {microseconds(90000), microseconds(5000), microseconds(5000)};
  session_.lengths.resize(13, microseconds(1000));
  const auto measured = measure({milliseconds(0), 10, {}});
  ASSERT_TRUE(measured.ok());
  EXPECT_EQ(session_.runs, 13U);
  EXPECT_EQ(measured->latency.count(), 10U);
  EXPECT_EQ(measured->latency.largest(), milliseconds(1));
}

TEST_F(MeasureBatches, warms_up_and_measures_for_the_time_given) {
  const auto measured = measure({milliseconds(20), 0, milliseconds(100)});
  ASSERT_TRUE(measured.ok());
  EXPECT_EQ(session_.runs, 120U);
  EXPECT_EQ(measured->latency.count(), 100U);
}

TEST_F(MeasureBatches, runs_the_fewest_however_short_the_time) {
  session_.lengths = {milliseconds(700)};
  const auto measured = measure({milliseconds(1), 0, milliseconds(1)});
  ASSERT_TRUE(measured.ok());
  EXPECT_EQ(measured->latency.count(), kFewestRuns);
}

TEST_F(MeasureBatches, counts_filling_as_its_own_and_reading_as_the_answers) {
  session_.fill_time = microseconds(100);
  session_.read_time = microseconds(500);
  const auto measured = measure({milliseconds(0), 100, {}});
  ASSERT_TRUE(measured.ok());
  EXPECT_NEAR(measured->latency.mean().count(), 1.5, 1e-9);
  EXPECT_NEAR(measured->items_per_second(), 4 / 0.0015, 1e-6);
  // Two processors for a millisecond and one for half of one, for four rows.
  EXPECT_NEAR(measured->cpu_us_per_item(), 625, 1e-6);
  EXPECT_NEAR(measured->own_share(), 0.1 / 1.6, 1e-9);
  EXPECT_EQ(measured->resident_bytes, std::uint64_t{3} << 20);
}

TEST_F(MeasureBatches, hands_on_what_the_session_says_in_the_middle) {
  session_.fails_at = 8;
  const auto measured = measure({milliseconds(0), 10, {}});
  ASSERT_FALSE(measured.ok());
  EXPECT_EQ(measured.status().to_string(), "UNAVAILABLE: the device is gone");
}

TEST_F(MeasureBatches, takes_no_memory_however_many_runs_there_are) {
  const auto allocations_of = [this](std::uint64_t iterations) {
    const std::size_t before = testing::allocations();
    EXPECT_TRUE(measure({milliseconds(0), iterations, {}}).ok());
    return testing::allocations() - before;
  };
  (void)allocations_of(1);
  EXPECT_EQ(allocations_of(10), allocations_of(5000));
}

TEST(DoublingSizes, end_with_the_largest) {
  using Sizes = std::vector<std::int64_t>;
  EXPECT_EQ(doubling_sizes(1), (Sizes{1}));
  EXPECT_EQ(doubling_sizes(8), (Sizes{1, 2, 4, 8}));
  EXPECT_EQ(doubling_sizes(12), (Sizes{1, 2, 4, 8, 12}));
}

}  // namespace
}  // namespace muster
