// SPDX-License-Identifier: Apache-2.0
#include "nvml/gpu_inventory.h"

#include <gtest/gtest.h>

#include "nvml/testing/open_fake_nvml.h"

namespace muster {
namespace {

TEST(GpuInventoryTest, has_gpus_with_their_memory_and_the_driver) {
  FakeNvml& nvml = open_fake_nvml(2);
  rewrite(nvml, [](FakeNvml& script) {
    script.gpus[1].errors = {{"memory", nvml::kNotSupported}};
  });
  const GpuInventory inventory = find_gpus({"0", std::nullopt}, kFakeNvmlFile);
  EXPECT_EQ(inventory.fault, "");
  EXPECT_EQ(inventory.driver, "550.54.15");
  EXPECT_EQ(inventory.cuda, "12.4");
  ASSERT_EQ(inventory.gpus.size(), 2U);
  EXPECT_EQ(inventory.gpus[0].identity.name, "Fake H200");
  EXPECT_EQ(inventory.gpus[0].memory_bytes, std::uint64_t{1} << 37);
  EXPECT_TRUE(inventory.gpus[0].visible);
  EXPECT_EQ(inventory.gpus[1].memory_bytes, std::nullopt);
  EXPECT_FALSE(inventory.gpus[1].visible);
  rewrite(nvml, [](FakeNvml& script) { EXPECT_EQ(script.inits, script.shutdowns); });
}

TEST(GpuInventoryTest, says_why_there_are_none) {
  EXPECT_NE(find_gpus({}, "libmuster-no-nvml.so.1").fault.find("there is no NVML"),
            std::string::npos);
  FakeNvml& nvml = open_fake_nvml(0);
  EXPECT_EQ(find_gpus({}, kFakeNvmlFile).fault, "NVML lists no GPU that this process may use");
  rewrite(nvml, [](FakeNvml& script) { script.init_answer = nvml::kDriverNotLoaded; });
  EXPECT_EQ(find_gpus({}, kFakeNvmlFile).fault, "NVML finds no GPU: Driver Not Loaded");
}

}  // namespace
}  // namespace muster
