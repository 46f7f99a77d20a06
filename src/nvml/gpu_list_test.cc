// SPDX-License-Identifier: Apache-2.0
#include "nvml/gpu_list.h"

#include <gtest/gtest.h>

#include "nvml/testing/open_fake_nvml.h"

namespace muster {
namespace {

class GpuListTest : public testing::Test {
 protected:
  static Result<std::unique_ptr<GpuList>> make(const std::string& file = kFakeNvmlFile) {
    MUSTER_ASSIGN_OR_RETURN(const nvml::Calls calls, nvml::open_library(file));
    return GpuList::make(calls);
  }
  // Of the first GPU.
  static GpuReading read() {
    std::string fault;
    return (*make())->read(0, fault);
  }

  FakeNvml& nvml_ = open_fake_nvml(2);
};

TEST_F(GpuListTest, has_each_gpu_with_its_names) {
  rewrite(nvml_, [](FakeNvml& nvml) { nvml.gpus[1].name = "Fake L4"; });
  const auto list = make();
  ASSERT_TRUE(list.ok()) << list.status().to_string();
  ASSERT_EQ((*list)->gpus().size(), 2U);
  const GpuIdentity& gpu = (*list)->gpus()[1];
  EXPECT_EQ(gpu.index, 1U);
  EXPECT_EQ(gpu.uuid, "GPU-fake0001-0000-0000-0000-000000000000");
  EXPECT_EQ(gpu.name, "Fake L4");
  EXPECT_EQ((*list)->driver_version(), "550.54.15");
  EXPECT_EQ((*list)->cuda_version(), "12.4");
}

TEST_F(GpuListTest, reads_every_value_in_base_units) {
  const GpuReading reading = read();
  EXPECT_TRUE(reading.answers);
  EXPECT_EQ(reading.busy, 0.5);
  EXPECT_EQ(reading.memory_busy, 0.25);
  EXPECT_EQ(reading.memory_bytes, std::uint64_t{1} << 37);
  EXPECT_EQ(reading.memory_used_bytes, std::uint64_t{1} << 30);
  EXPECT_DOUBLE_EQ(*reading.power_watts, 123.456);
  EXPECT_DOUBLE_EQ(*reading.power_limit_watts, 700);
  EXPECT_DOUBLE_EQ(*reading.energy_joules, 5000);
  EXPECT_DOUBLE_EQ(*reading.sm_clock_hertz, 1.98e9);
  EXPECT_DOUBLE_EQ(*reading.memory_clock_hertz, 3.201e9);
  EXPECT_EQ(reading.temperature_celsius, 41);
}

TEST_F(GpuListTest, leaves_out_one_value_that_a_gpu_does_not_have) {
  rewrite(nvml_, [](FakeNvml& nvml) {
    nvml.gpus[0].errors = {{"utilization", nvml::kNotSupported}, {"power_limit", 999}};
  });
  const GpuReading reading = read();
  EXPECT_TRUE(reading.answers);
  EXPECT_EQ(reading.busy, std::nullopt);
  EXPECT_EQ(reading.memory_busy, std::nullopt);
  EXPECT_EQ(reading.power_limit_watts, std::nullopt);
  EXPECT_TRUE(reading.power_watts.has_value());
  EXPECT_TRUE(reading.temperature_celsius.has_value());
}

TEST_F(GpuListTest, leaves_out_what_an_old_driver_cannot_tell) {
  open_fake_nvml(1, kFakeOldNvmlFile);
  const auto list = make(kFakeOldNvmlFile);
  ASSERT_TRUE(list.ok()) << list.status().to_string();
  std::string fault;
  const GpuReading reading = (*list)->read(0, fault);
  EXPECT_TRUE(reading.answers);
  EXPECT_EQ(reading.energy_joules, std::nullopt);
  EXPECT_TRUE(reading.power_watts.has_value());
  EXPECT_EQ((*list)->driver_version(), "");
  EXPECT_EQ((*list)->cuda_version(), "");
}

TEST_F(GpuListTest, asks_a_lost_gpu_nothing_more) {
  rewrite(nvml_, [](FakeNvml& nvml) { nvml.gpus[0].errors = {{"power", nvml::kGpuIsLost}}; });
  const auto list = make();
  ASSERT_TRUE(list.ok()) << list.status().to_string();
  std::string fault;
  const GpuReading reading = (*list)->read(0, fault);
  EXPECT_FALSE(reading.answers);
  EXPECT_EQ(reading.memory_bytes, std::nullopt);
  EXPECT_EQ(fault, "GPU is lost");
  rewrite(nvml_, [](FakeNvml& nvml) { EXPECT_EQ(nvml.calls, 3); });
  EXPECT_TRUE((*list)->read(1, fault).answers);
}

TEST_F(GpuListTest, takes_more_than_all_for_all) {
  rewrite(nvml_, [](FakeNvml& nvml) { nvml.gpus[0].busy_percent = 250; });
  EXPECT_EQ(read().busy, 1);
}

TEST_F(GpuListTest, leaves_out_gpus_that_are_somebody_elses_or_cannot_be_named) {
  rewrite(nvml_, [](FakeNvml& nvml) {
    nvml.reset(4);
    nvml.handle_errors = {{0, nvml::kNoPermission}, {2, nvml::kGpuIsLost}};
  });
  const auto list = make();
  ASSERT_TRUE(list.ok()) << list.status().to_string();
  ASSERT_EQ((*list)->gpus().size(), 2U);
  EXPECT_EQ((*list)->gpus()[0].index, 1U);
  EXPECT_EQ((*list)->gpus()[1].index, 3U);
}

TEST_F(GpuListTest, tells_a_missing_driver_from_a_broken_one) {
  rewrite(nvml_, [](FakeNvml& nvml) { nvml.init_answer = nvml::kDriverNotLoaded; });
  EXPECT_EQ(make().status().code(), StatusCode::kNotFound);
  EXPECT_EQ(make().status().message(), "NVML finds no GPU: Driver Not Loaded");
  rewrite(nvml_, [](FakeNvml& nvml) { nvml.init_answer = 18; });
  EXPECT_EQ(make().status().code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(make().status().message(), "NVML does not start: error 18");
  rewrite(nvml_, [](FakeNvml& nvml) { EXPECT_EQ(nvml.shutdowns, 0); });
}

TEST_F(GpuListTest, shuts_down_whatever_came_after_the_start) {
  { EXPECT_TRUE(make().ok()); }
  rewrite(nvml_, [](FakeNvml& nvml) { nvml.count_answer = 999; });
  EXPECT_EQ(make().status().message(), "NVML does not count the GPUs: error 999");
  rewrite(nvml_, [](FakeNvml& nvml) {
    EXPECT_EQ(nvml.inits, 2);
    EXPECT_EQ(nvml.shutdowns, 2);
  });
}

TEST_F(GpuListTest, counts_no_further_than_its_limit) {
  rewrite(nvml_, [](FakeNvml& nvml) { nvml.reset(GpuList::kMostGpus + 1); });
  EXPECT_EQ((*make())->gpus().size(), GpuList::kMostGpus);
}

TEST_F(GpuListTest, knows_whose_part_cuda_shows) {
  rewrite(nvml_, [](FakeNvml& nvml) { nvml.parts["MIG-1234"] = 1; });
  const auto list = make();
  ASSERT_TRUE(list.ok()) << list.status().to_string();
  EXPECT_EQ((*list)->visible({"MIG-1234", std::nullopt}).visible, (std::vector{false, true}));
  EXPECT_EQ((*list)->visible({"MIG-5678", std::nullopt}).visible, (std::vector{false, false}));
}

}  // namespace
}  // namespace muster
