// SPDX-License-Identifier: Apache-2.0
#include "nvml/visible_gpus.h"

#include <gtest/gtest.h>

namespace muster {
namespace {

const std::vector<GpuIdentity> kAlike = {
    {0, "GPU-aaaa1111", "H200"}, {1, "GPU-aaaa2222", "H200"}, {3, "GPU-bbbb3333", "H200"}};
const std::vector<GpuIdentity> kMixed = {
    {0, "GPU-aaaa1111", "T4"}, {1, "GPU-aaaa2222", "H200"}, {2, "GPU-bbbb3333", "H200"}};

std::string gpu_of_mig(const std::string& mig) {
  return mig == "MIG-of-b" ? "GPU-bbbb3333" : "";
}

// "101": the first and the last; "?" where it cannot be known.
std::string seen(const std::vector<GpuIdentity>& gpus, const CudaEnvironment& cuda) {
  const VisibleGpus visible = visible_gpus(gpus, cuda, gpu_of_mig);
  std::string text = visible.known ? "" : "?";
  for (const bool one : visible.visible)
    text += one ? '1' : '0';
  return text;
}

std::string seen(const std::string& visible_devices) {
  return seen(kAlike, {visible_devices, std::nullopt});
}

TEST(VisibleGpusTest, are_all_where_nothing_is_said) {
  EXPECT_EQ(seen(kAlike, {}), "111");
  EXPECT_EQ(seen({}, {}), "");
  EXPECT_EQ(seen({}, {"0", std::nullopt}), "");
}

TEST(VisibleGpusTest, are_none_where_none_are_named) {
  EXPECT_EQ(seen(""), "000");
  EXPECT_EQ(seen("-1"), "000");
  EXPECT_EQ(seen("NoDevFiles"), "000");
}

TEST(VisibleGpusTest, are_found_by_number_among_those_that_may_be_used) {
  EXPECT_EQ(seen("0"), "100");
  EXPECT_EQ(seen("2,0"), "101");
  EXPECT_EQ(seen(" 1 , 2 "), "011");
}

TEST(VisibleGpusTest, end_at_the_first_name_that_names_none) {
  EXPECT_EQ(seen("0,3,1"), "100");
  EXPECT_EQ(seen("0,-1,1"), "100");
  EXPECT_EQ(seen("0,,1"), "100");
  EXPECT_EQ(seen("1,GPU-cccc,0"), "010");
  EXPECT_EQ(seen("99999999999999999999"), "000");
}

TEST(VisibleGpusTest, are_found_by_as_much_of_a_uuid_as_one_alone_has) {
  EXPECT_EQ(seen("GPU-aaaa2222"), "010");
  EXPECT_EQ(seen("GPU-b,GPU-aaaa1"), "101");
  EXPECT_EQ(seen("GPU-aaaa"), "000");
}

TEST(VisibleGpusTest, stand_for_their_parts) {
  EXPECT_EQ(seen("MIG-GPU-aaaa2222/1/0"), "010");
  EXPECT_EQ(seen("MIG-of-b"), "001");
  EXPECT_EQ(seen("MIG-of-nobody,0"), "000");
}

TEST(VisibleGpusTest, are_not_known_by_number_where_cuda_sorts_them_by_speed) {
  EXPECT_EQ(seen(kMixed, {"0", std::nullopt}), "?111");
  EXPECT_EQ(seen(kMixed, {"0", "FASTEST_FIRST"}), "?111");
  EXPECT_EQ(seen(kMixed, {"0,2", "PCI_BUS_ID"}), "101");
  EXPECT_EQ(seen(kMixed, {"GPU-aaaa1111", std::nullopt}), "100");
  EXPECT_EQ(seen(kMixed, {"-1", std::nullopt}), "000");
}

}  // namespace
}  // namespace muster
