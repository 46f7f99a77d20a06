// SPDX-License-Identifier: Apache-2.0
#include "nvml/gpu_sampler.h"

#include <chrono>
#include <memory>
#include <thread>
#include <utility>

#include <gtest/gtest.h>

#include "base/testing/fake_clock.h"
#include "nvml/testing/open_fake_nvml.h"

namespace muster {
namespace {

using std::chrono::seconds;

constexpr seconds kInterval{2};

// Time stands still, so the sampler reads when a test says so.
class GpuSamplerTest : public testing::Test {
 protected:
  std::unique_ptr<GpuSampler> start(CudaEnvironment cuda = {}) {
    return std::make_unique<GpuSampler>(
        GpuSampler::Options{kInterval, std::move(cuda), kFakeNvmlFile}, clock_);
  }
  // Returns when all GPUs have been read and the sampler sleeps.
  void await_reading() { clock_.await_waiter_until(clock_.now() + kInterval); }
  void read_again() {
    clock_.advance(kInterval);
    await_reading();
  }
  // Returns when a call about a GPU hangs.
  void await_hanging() {
    MutexLock lock(nvml_.mutex);
    while (!nvml_.hold || nvml_.holding == 0)
      nvml_.changed.wait(lock);
  }
  void hang(bool hangs) {
    rewrite(nvml_, [&](FakeNvml& nvml) { nvml.hold = hangs; });
  }

  FakeNvml& nvml_ = open_fake_nvml(2);
  FakeClock clock_;
};

TEST_F(GpuSamplerTest, reads_all_gpus_at_once_and_again_after_each_interval) {
  const auto sampler = start();
  await_reading();
  auto samples = sampler->samples();
  ASSERT_EQ(samples.size(), 2U);
  EXPECT_EQ(samples[0].gpu.index, 0U);
  EXPECT_EQ(samples[1].gpu.uuid, "GPU-fake0001-0000-0000-0000-000000000000");
  EXPECT_TRUE(samples[1].reading.answers);
  EXPECT_EQ(samples[1].reading.temperature_celsius, 41);

  rewrite(nvml_, [](FakeNvml& nvml) { nvml.gpus[1].celsius = 77; });
  clock_.advance(kInterval - seconds(1));
  EXPECT_EQ(sampler->samples()[1].reading.temperature_celsius, 41);
  clock_.advance(seconds(1));
  await_reading();
  EXPECT_EQ(sampler->samples()[1].reading.temperature_celsius, 77);
}

TEST_F(GpuSamplerTest, counts_energy_from_its_own_start) {
  const auto sampler = start();
  await_reading();
  EXPECT_EQ(sampler->samples()[0].joules_since_start, 0);
  rewrite(nvml_, [](FakeNvml& nvml) {
    nvml.gpus[0].millijoules += 1500;
    nvml.gpus[1].errors = {{"energy", nvml::kNotSupported}};
  });
  read_again();
  EXPECT_DOUBLE_EQ(*sampler->samples()[0].joules_since_start, 1.5);
  EXPECT_DOUBLE_EQ(*sampler->samples()[0].reading.energy_joules, 5001.5);
  EXPECT_EQ(sampler->samples()[1].joules_since_start, std::nullopt);
  // A driver that was loaded anew counts from 0.
  rewrite(nvml_, [](FakeNvml& nvml) { nvml.gpus[0].millijoules = 7; });
  read_again();
  EXPECT_EQ(sampler->samples()[0].joules_since_start, 0);
}

TEST_F(GpuSamplerTest, goes_on_without_a_gpu_that_is_lost_and_with_one_that_is_back) {
  const auto sampler = start();
  await_reading();
  rewrite(nvml_, [](FakeNvml& nvml) { nvml.gpus[0].errors = {{"", nvml::kGpuIsLost}}; });
  read_again();
  auto samples = sampler->samples();
  ASSERT_EQ(samples.size(), 2U);
  EXPECT_FALSE(samples[0].reading.answers);
  EXPECT_EQ(samples[0].reading.memory_bytes, std::nullopt);
  EXPECT_EQ(samples[0].joules_since_start, std::nullopt);
  EXPECT_TRUE(samples[1].reading.answers);

  rewrite(nvml_, [](FakeNvml& nvml) { nvml.gpus[0].errors.clear(); });
  read_again();
  EXPECT_TRUE(sampler->samples()[0].reading.answers);
}

TEST_F(GpuSamplerTest, reads_those_that_cuda_shows) {
  const auto sampler = start({"1", std::nullopt});
  await_reading();
  const auto samples = sampler->samples();
  ASSERT_EQ(samples.size(), 1U);
  EXPECT_EQ(samples[0].gpu.index, 1U);
}

TEST_F(GpuSamplerTest, shuts_nvml_down_where_cuda_shows_none) {
  const auto sampler = start({"", std::nullopt});
  MutexLock lock(nvml_.mutex);
  while (nvml_.shutdowns == 0)
    nvml_.changed.wait(lock);
  lock.unlock();
  EXPECT_TRUE(sampler->samples().empty());
}

TEST_F(GpuSamplerTest, answers_at_once_while_a_call_hangs) {
  const auto sampler = start();
  await_reading();
  hang(true);
  clock_.advance(kInterval);
  await_hanging();
  EXPECT_TRUE(sampler->samples()[0].reading.answers);
  // Of what is no longer fresh only the names are left.
  clock_.advance(GpuSampler::kFreshFor);
  const auto samples = sampler->samples();
  ASSERT_EQ(samples.size(), 2U);
  EXPECT_EQ(samples[0].gpu.name, "Fake H200");
  EXPECT_FALSE(samples[0].reading.answers);
  EXPECT_EQ(samples[0].reading.memory_bytes, std::nullopt);
  EXPECT_EQ(samples[0].joules_since_start, std::nullopt);

  hang(false);
  await_reading();
  EXPECT_TRUE(sampler->samples()[0].reading.answers);
}

TEST_F(GpuSamplerTest, tells_of_a_gpu_that_hangs_from_the_first_call_on) {
  hang(true);
  const auto sampler = start();
  await_hanging();
  EXPECT_TRUE(sampler->samples().empty());
  clock_.advance(GpuSampler::kFreshFor + seconds(1));
  const auto samples = sampler->samples();
  ASSERT_EQ(samples.size(), 2U);
  EXPECT_FALSE(samples[0].reading.answers);
  hang(false);
  await_reading();
  EXPECT_TRUE(sampler->samples()[0].reading.answers);
}

TEST_F(GpuSamplerTest, ends_although_a_call_hangs) {
  auto sampler = start();
  await_reading();
  hang(true);
  clock_.advance(kInterval);
  await_hanging();
  const Clock::TimePoint until = clock_.now() + GpuSampler::kStopPatience;
  std::thread ending([&] { sampler.reset(); });
  clock_.await_waiter_until(until);
  clock_.advance(GpuSampler::kStopPatience);
  ending.join();
  // What hung goes on by itself, without the sampler and its clock, and cleans up.
  hang(false);
  MutexLock lock(nvml_.mutex);
  while (nvml_.shutdowns == 0)
    nvml_.changed.wait(lock);
}

TEST_F(GpuSamplerTest, ends_where_it_sleeps) {
  auto sampler = start();
  await_reading();
  sampler.reset();
  rewrite(nvml_, [](FakeNvml& nvml) { EXPECT_EQ(nvml.shutdowns, 1); });
}

TEST_F(GpuSamplerTest, has_no_samples_where_there_is_no_driver) {
  const GpuSampler none({kInterval, {}, "libmuster-no-nvml.so.1"}, clock_);
  EXPECT_TRUE(none.samples().empty());
  const GpuSampler other({kInterval, {}, "libm.so.6"}, clock_);
  EXPECT_TRUE(other.samples().empty());
  rewrite(nvml_, [](FakeNvml& nvml) { nvml.init_answer = nvml::kDriverNotLoaded; });
  const auto unloaded = start();
  EXPECT_TRUE(unloaded->samples().empty());
}

TEST_F(GpuSamplerTest, keeps_the_pace_of_long_intervals) {
  const GpuSampler slow({std::chrono::minutes(1), {}, kFakeNvmlFile}, clock_);
  clock_.await_waiter_until(clock_.now() + std::chrono::minutes(1));
  clock_.advance(seconds(59));
  ASSERT_EQ(slow.samples().size(), 2U);
  EXPECT_TRUE(slow.samples()[0].reading.answers);
}

}  // namespace
}  // namespace muster
