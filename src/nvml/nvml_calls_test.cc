// SPDX-License-Identifier: Apache-2.0
#include "nvml/nvml_calls.h"

#include <algorithm>
#include <iterator>
#include <string>

#include <gtest/gtest.h>

#include "nvml/testing/open_fake_nvml.h"

namespace muster::nvml {
namespace {

TEST(NvmlCallsTest, finds_every_call_of_a_library) {
  open_fake_nvml(1);
  const auto calls = open_library(kFakeNvmlFile);
  ASSERT_TRUE(calls.ok()) << calls.status().to_string();
  for (const bool found :
       {calls->init != nullptr, calls->shutdown != nullptr, calls->device_count != nullptr,
        calls->device_by_index != nullptr, calls->device_uuid != nullptr,
        calls->device_name != nullptr, calls->error_text != nullptr,
        calls->driver_version != nullptr, calls->cuda_version != nullptr,
        calls->device_by_uuid != nullptr, calls->device_of_mig != nullptr,
        calls->utilization != nullptr, calls->memory != nullptr, calls->power != nullptr,
        calls->power_limit != nullptr, calls->energy != nullptr, calls->clock != nullptr,
        calls->temperature != nullptr}) {
    EXPECT_TRUE(found);
  }
}

TEST(NvmlCallsTest, says_that_there_is_none_where_there_is_no_library) {
  const auto calls = open_library("libmuster-no-nvml.so.1");
  ASSERT_FALSE(calls.ok());
  EXPECT_EQ(calls.status().code(), StatusCode::kNotFound);
  EXPECT_NE(calls.status().message().find("libmuster-no-nvml.so.1"), std::string_view::npos)
      << calls.status().message();
}

TEST(NvmlCallsTest, refuses_a_library_without_the_calls_that_every_nvml_has) {
  const auto calls = open_library("libm.so.6");
  ASSERT_FALSE(calls.ok());
  EXPECT_EQ(calls.status().code(), StatusCode::kFailedPrecondition);
  EXPECT_NE(calls.status().message().find("libm.so.6 is not NVML"), std::string_view::npos)
      << calls.status().message();
  EXPECT_NE(calls.status().message().find("nvmlInit_v2"), std::string_view::npos);
}

TEST(NvmlCallsTest, leaves_out_what_an_old_driver_does_not_have) {
  const auto calls = open_library(kFakeOldNvmlFile);
  ASSERT_TRUE(calls.ok()) << calls.status().to_string();
  EXPECT_EQ(calls->energy, nullptr);
  EXPECT_EQ(calls->cuda_version, nullptr);
  EXPECT_NE(calls->power, nullptr);
}

TEST(NvmlCallsTest, has_a_text_for_every_error) {
  open_fake_nvml(1);
  const auto calls = open_library(kFakeNvmlFile);
  ASSERT_TRUE(calls.ok()) << calls.status().to_string();
  EXPECT_EQ(text_of(*calls, kGpuIsLost), "GPU is lost");
  EXPECT_EQ(text_of(*calls, 12345), "error 12345");
  EXPECT_EQ(text_of(Calls{}, kGpuIsLost), "error 15");
}

TEST(NvmlCallsTest, takes_texts_without_an_end_and_makes_them_safe) {
  char text[kTextBytes];
  std::fill(std::begin(text), std::end(text), 'x');
  EXPECT_EQ(text_of(text), std::string(kTextBytes, 'x'));
  const std::string broken = "a\nb\xff";
  std::copy_n(broken.c_str(), broken.size() + 1, std::begin(text));
  EXPECT_EQ(text_of(text), "a\\x0ab\\xff");
}

}  // namespace
}  // namespace muster::nvml
