// SPDX-License-Identifier: Apache-2.0
// SharedMemoryRegions with memory of a GPU, which is played.
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "shared_memory/shared_memory_regions.h"
#include "shared_memory/testing/fake_gpu.h"

namespace muster {
namespace {

using testing::add_cuda;
using testing::cuda_order;
using testing::FakeGpu;

constexpr std::uint64_t kHuge = std::numeric_limits<std::uint64_t>::max();

class CudaRegionsTest : public ::testing::Test {
 protected:
  Status add(std::string name, std::uint64_t byte_size) {
    return add_cuda(regions_, cuda_order(std::move(name), byte_size));
  }
  std::vector<std::string> names(RegionKind kind = RegionKind::kCuda) {
    std::vector<std::string> list;
    const std::vector<RegionStatus> all = regions_.status("", kind).value();
    for (const RegionStatus& status : all)
      list.push_back(status.name);
    return list;
  }

  FakeGpu gpu_{100};
  SharedMemoryRegions regions_{
      true, {.max_regions = 3, .max_name_bytes = 8, .max_bytes = 150}, gpu_.opener()};
};

TEST_F(CudaRegionsTest, reads_and_writes_where_the_client_said) {
  gpu_.put(10, "abcdef");
  ASSERT_TRUE(add("r", 50).ok());
  const auto slice = regions_.slice("r", 10, 4).value();
  EXPECT_EQ(slice.region_name(), "r");
  EXPECT_EQ(slice.region_offset(), 10U);
  std::string got(2, '?');
  ASSERT_TRUE(slice.read(std::as_writable_bytes(std::span(got)), 1).ok());
  EXPECT_EQ(got, "bc");
  ASSERT_TRUE(slice.write(std::as_bytes(std::span(std::string_view("XY")))).ok());
  EXPECT_EQ(gpu_.get(10, 6), "XYcdef");
}

TEST_F(CudaRegionsTest, tells_where_on_the_gpu_a_slice_is) {
  ASSERT_TRUE(add("r", 50).ok());
  const auto bytes = regions_.slice("r", 10, 4)->device_bytes();
  ASSERT_TRUE(bytes.has_value());
  EXPECT_EQ(bytes->device, 0);
  EXPECT_EQ(bytes->address, gpu_.address() + 10);
  EXPECT_EQ(bytes->size, 4U);
}

TEST_F(CudaRegionsTest, a_handle_is_opened_once_and_closed_with_the_last_slice) {
  ASSERT_TRUE(add("r", 50).ok());
  {
    std::optional<RegionSlice> slice = regions_.slice("r", 0, 4).value();
    const RegionSlice other = regions_.slice("r", 0, 4).value();
    EXPECT_EQ(gpu_.opened_count(), 1);
    ASSERT_TRUE(regions_.remove("r", RegionKind::kCuda).ok());
    EXPECT_FALSE(regions_.slice("r", 0, 4).ok());
    slice.reset();
    EXPECT_EQ(gpu_.open_count(), 1);
  }
  EXPECT_EQ(gpu_.open_count(), 0);
}

TEST_F(CudaRegionsTest, both_kinds_share_their_names_and_are_listed_apart) {
  ASSERT_TRUE(add("b", 10).ok());
  ASSERT_TRUE(add("a", 20).ok());
  const Status taken = regions_.add("a", "/nowhere", 0, 1);
  EXPECT_EQ(taken.code(), StatusCode::kInvalidArgument);
  EXPECT_NE(taken.message().find("already"), std::string_view::npos) << taken.message();
  EXPECT_EQ(names(), (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(names(RegionKind::kSystem).empty());
  const auto status = regions_.status("a", RegionKind::kCuda).value();
  ASSERT_EQ(status.size(), 1U);
  EXPECT_EQ(status[0].byte_size, 20U);
  EXPECT_EQ(status[0].device, 0);
  EXPECT_EQ(regions_.status("a").status().code(), StatusCode::kNotFound);
  EXPECT_EQ(regions_.status("c", RegionKind::kCuda).status().code(), StatusCode::kNotFound);
  // By another kind's call nothing goes.
  ASSERT_TRUE(regions_.remove("a").ok());
  ASSERT_TRUE(regions_.remove("").ok());
  EXPECT_EQ(names().size(), 2U);
  ASSERT_TRUE(regions_.remove("a", RegionKind::kCuda).ok());
  EXPECT_EQ(names(), std::vector<std::string>{"b"});
  ASSERT_TRUE(regions_.remove("", RegionKind::kCuda).ok());
  EXPECT_TRUE(names().empty());
}

TEST_F(CudaRegionsTest, names_are_taken_once_and_are_free_again) {
  ASSERT_TRUE(add("r", 10).ok());
  EXPECT_EQ(add("r", 10).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(gpu_.opened_count(), 1);
  ASSERT_TRUE(regions_.remove("r", RegionKind::kCuda).ok());
  EXPECT_TRUE(add("r", 10).ok());
}

TEST_F(CudaRegionsTest, refuses_what_cannot_be_before_anything_is_opened) {
  EXPECT_EQ(add("", 1).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(add("123456789", 1).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(add("r", 0).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(add("r", kHuge).code(), StatusCode::kInvalidArgument);
  for (const std::int64_t device : {std::int64_t{-1}, std::int64_t{1} << 31}) {
    const Status refused = add_cuda(regions_, cuda_order("r", 1, "gpu", device));
    EXPECT_EQ(refused.code(), StatusCode::kInvalidArgument);
    EXPECT_NE(refused.message().find("GPU " + std::to_string(device)), std::string_view::npos)
        << refused.message();
  }
  EXPECT_EQ(gpu_.opened_count(), 0);
}

TEST_F(CudaRegionsTest, says_why_a_handle_cannot_be_opened_and_of_which_region) {
  const Status wrong = add_cuda(regions_, cuda_order("r", 1, "other"));
  EXPECT_EQ(wrong.code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(wrong.message(), "region 'r' of CUDA shared memory: the handle names no memory");
  const Status nowhere = add_cuda(regions_, cuda_order("r", 1, "gpu", 1));
  EXPECT_EQ(nowhere.code(), StatusCode::kFailedPrecondition) << nowhere.message();
  EXPECT_EQ(add("r", 101).code(), StatusCode::kInvalidArgument);
  // None of them is kept, and all that they would have taken is there again.
  EXPECT_TRUE(names().empty());
  EXPECT_TRUE(add("r", 100).ok());
}

TEST_F(CudaRegionsTest, counts_with_the_other_kind_in_the_limits_of_all) {
  ASSERT_TRUE(add("a", 100).ok());
  const Status refused = add("b", 51);
  EXPECT_EQ(refused.code(), StatusCode::kInvalidArgument);
  EXPECT_NE(refused.message().find("--max-region-bytes"), std::string_view::npos)
      << refused.message();
  ASSERT_TRUE(add("b", 50).ok());
  ASSERT_TRUE(regions_.remove("a", RegionKind::kCuda).ok());
  ASSERT_TRUE(add("c", 1).ok());
  ASSERT_TRUE(add("d", 1).ok());
  EXPECT_EQ(add("e", 1).code(), StatusCode::kInvalidArgument);
}

TEST_F(CudaRegionsTest, a_slice_lies_within_its_region) {
  ASSERT_TRUE(add("r", 50).ok());
  EXPECT_TRUE(regions_.slice("r", 0, 50).ok());
  EXPECT_EQ(regions_.slice("r", 0, 51).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(regions_.slice("r", 50, 1).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(regions_.slice("r", kHuge, 2).status().code(), StatusCode::kInvalidArgument);
  std::vector<std::byte> more(11);
  EXPECT_FALSE(regions_.slice("r", 0, 10)->read(more).ok());
  EXPECT_FALSE(regions_.slice("r", 0, 10)->write(more).ok());
}

TEST_F(CudaRegionsTest, a_copy_that_fails_names_the_region) {
  ASSERT_TRUE(add("r", 50).ok());
  gpu_.fail_copies(internal_error("the GPU is gone"));
  std::vector<std::byte> bytes(4);
  const RegionSlice slice = regions_.slice("r", 0, 4).value();
  EXPECT_EQ(slice.read(bytes).to_string(),
            "INTERNAL: region 'r' of CUDA shared memory: the GPU is gone");
  EXPECT_EQ(slice.write(bytes).code(), StatusCode::kInternal);
}

TEST_F(CudaRegionsTest, two_that_want_one_name_at_a_time_get_it_once) {
  gpu_.hold();
  std::promise<Status> first;
  std::promise<Status> second;
  regions_.add_cuda(cuda_order("r", 1), [&](Status status) { first.set_value(std::move(status)); });
  regions_.add_cuda(cuda_order("r", 1),
                    [&](Status status) { second.set_value(std::move(status)); });
  gpu_.wait_until_held();
  EXPECT_FALSE(regions_.slice("r", 0, 1).ok()) << "it is not open yet";
  gpu_.release();
  EXPECT_TRUE(first.get_future().get().ok());
  EXPECT_EQ(second.get_future().get().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(gpu_.open_count(), 1);
}

TEST(CudaRegions, are_refused_where_there_can_be_none) {
  FakeGpu gpu(10);
  SharedMemoryRegions off(false, {}, gpu.opener());
  EXPECT_EQ(off.cuda_supported().code(), StatusCode::kUnimplemented);
  EXPECT_EQ(add_cuda(off, cuda_order("r", 1)).code(), StatusCode::kUnimplemented);
  EXPECT_EQ(off.status("", RegionKind::kCuda).status().code(), StatusCode::kUnimplemented);
  EXPECT_EQ(off.remove("", RegionKind::kCuda).code(), StatusCode::kUnimplemented);
  SharedMemoryRegions without(true);
  EXPECT_EQ(add_cuda(without, cuda_order("r", 1)).code(), StatusCode::kUnimplemented);
  EXPECT_TRUE(without.status("", RegionKind::kCuda)->empty());
  EXPECT_EQ(gpu.opened_count(), 0);
}

TEST(CudaRegions, that_wait_to_be_opened_have_a_limit) {
  FakeGpu gpu(10);
  SharedMemoryRegions regions(true, {.max_openings = 1}, gpu.opener());
  gpu.hold();
  std::promise<Status> first;
  std::promise<Status> second;
  regions.add_cuda(cuda_order("a", 1), [&](Status status) { first.set_value(std::move(status)); });
  gpu.wait_until_held();
  regions.add_cuda(cuda_order("b", 1), [&](Status status) { second.set_value(std::move(status)); });
  const Status refused = add_cuda(regions, cuda_order("c", 1));
  EXPECT_EQ(refused.code(), StatusCode::kResourceExhausted);
  EXPECT_NE(refused.message().find("--max-region-openings"), std::string_view::npos)
      << refused.message();
  gpu.release();
  EXPECT_TRUE(first.get_future().get().ok());
  EXPECT_TRUE(second.get_future().get().ok());
  EXPECT_TRUE(add_cuda(regions, cuda_order("c", 1)).ok());
}

TEST(CudaRegions, an_opener_that_gives_less_than_was_asked_is_not_believed) {
  FakeGpu gpu(10);
  const RegionOpener open = gpu.opener();
  SharedMemoryRegions regions(true, {},
                              [&](std::span<const std::byte> handle, int device, std::size_t size) {
                                return open(handle, device, size - 1);
                              });
  EXPECT_EQ(add_cuda(regions, cuda_order("r", 5)).code(), StatusCode::kInternal);
  EXPECT_EQ(gpu.open_count(), 0);
}

}  // namespace
}  // namespace muster
