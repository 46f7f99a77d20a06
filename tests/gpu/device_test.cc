// SPDX-License-Identifier: Apache-2.0
#include <numeric>

#include <cuda_runtime_api.h>

#include "backends/tensorrt/device/cuda_device.h"
#include "tests/gpu/model_on_gpu.h"
#include "tests/gpu/shared_memory_of_another.h"

namespace muster::tensorrt {
namespace {

std::unique_ptr<Device> gpu() {
  auto device = open_cuda_device(0).value();
  EXPECT_TRUE(device->use_on_this_thread().ok());
  return device;
}

TEST(CudaDevice, knows_what_it_is) {
  const DeviceFacts facts = gpu()->facts();
  EXPECT_FALSE(facts.name.empty());
  EXPECT_EQ(facts.uuid.size(), std::string("GPU-01234567-0123-0123-0123-0123456789ab").size());
  EXPECT_GE(facts.compute_major, 5);
  EXPECT_GT(facts.multiprocessors, 0);
  EXPECT_GE(facts.driver_version, 12000);
}

TEST(CudaDevice, copies_in_order_also_in_a_graph) {
  const auto device = gpu();
  constexpr std::size_t kSize = 4096;
  const Stream stream = device->new_stream().value();
  const Event done = device->new_event(Wait::kBlock).value();
  const PinnedMemory in = device->allocate_pinned(kSize).value();
  const PinnedMemory out = device->allocate_pinned(kSize).value();
  const DeviceMemory a = device->allocate(kSize).value();
  const DeviceMemory b = device->allocate(kSize).value();
  ASSERT_TRUE(device->begin_capture(stream).ok());
  ASSERT_TRUE(device->copy_in(a.get(), in.get(), kSize, stream).ok());
  ASSERT_TRUE(device->copy_within(b.get(), a.get(), kSize, stream).ok());
  ASSERT_TRUE(device->copy_out(out.get(), b.get(), kSize, stream).ok());
  Result<Graph> graph = device->end_capture(stream);
  ASSERT_TRUE(graph.ok()) << graph.status().to_string();
  for (const Wait how : {Wait::kSpin, Wait::kBlock}) {
    std::memset(in.get(), how == Wait::kSpin ? 3 : 4, kSize);
    ASSERT_TRUE(device->launch(*graph, stream).ok());
    ASSERT_TRUE(device->record(done, stream).ok());
    ASSERT_TRUE(device->wait(done, how).ok());
    EXPECT_EQ(std::memcmp(in.get(), out.get(), kSize), 0);
  }
}

TEST(CudaDevice, says_that_memory_is_out_and_goes_on) {
  const auto device = gpu();
  const Result<DeviceMemory> refused = device->allocate(std::size_t{1} << 50);
  EXPECT_EQ(refused.status().code(), StatusCode::kResourceExhausted)
      << refused.status().to_string();
  EXPECT_TRUE(device->allocate(1 << 20).ok());
}

TEST(CudaDevice, forgets_what_it_could_not_note_down) {
  const auto device = gpu();
  const Stream stream = device->new_stream().value();
  ASSERT_TRUE(device->begin_capture(stream).ok());
  EXPECT_FALSE(device->wait_all(stream).ok());  // not possible while a graph is noted down
  EXPECT_FALSE(device->end_capture(stream).ok());
  const PinnedMemory host = device->allocate_pinned(64).value();
  const DeviceMemory memory = device->allocate(64).value();
  EXPECT_TRUE(device->copy_in(memory.get(), host.get(), 64, stream).ok());
  EXPECT_TRUE(device->wait_all(stream).ok());
}

TEST(CudaDevice, has_no_other_number) {
  EXPECT_EQ(open_cuda_device(-1).status().code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(open_cuda_device(1000).status().code(), StatusCode::kFailedPrecondition);
}

TEST(CudaRegion, reads_and_writes_what_another_process_has) {
  const SharingProcess other;
  const auto region = open_cuda_region(other.handle(), 0, kSharedBytes);
  ASSERT_TRUE(region.ok()) << region.status().to_string();
  std::vector<std::byte> bytes(256);
  ASSERT_TRUE((*region)->read(512, bytes).ok());
  for (std::size_t i = 0; i < bytes.size(); ++i)
    ASSERT_EQ(std::to_integer<std::size_t>(bytes[i]), i);
  const std::vector<std::byte> written(16, std::byte{0x5a});
  ASSERT_TRUE((*region)->write(kSharedBytes - 16, written).ok());
  std::vector<std::byte> back(16);
  ASSERT_TRUE((*region)->read(kSharedBytes - 16, back).ok());
  EXPECT_EQ(back, written);
  EXPECT_EQ((*region)->read(kSharedBytes - 15, back).code(), StatusCode::kInvalidArgument);
}

TEST(CudaRegion, refuses_handles_and_sizes_that_are_wrong) {
  const SharingProcess other;
  const auto larger = open_cuda_region(other.handle(), 0, std::size_t{1} << 40);
  EXPECT_EQ(larger.status().code(), StatusCode::kInvalidArgument) << larger.status().to_string();
  std::array<std::byte, 64> wrong{};
  EXPECT_EQ(open_cuda_region(wrong, 0, 16).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(open_cuda_region(std::span(wrong).first(63), 0, 16).status().code(),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(open_cuda_region(other.handle(), 64, 16).status().code(), StatusCode::kInvalidArgument);
}

TEST(CudaRegion, opened_twice_lasts_until_the_last_is_closed) {
  const SharingProcess other;
  auto one = open_cuda_region(other.handle(), 0, kSharedBytes);
  const auto second = open_cuda_region(other.handle(), 0, 4096);
  ASSERT_TRUE(one.ok()) << one.status().to_string();
  ASSERT_TRUE(second.ok()) << second.status().to_string();
  one = internal_error("closed");
  std::vector<std::byte> bytes(256);
  ASSERT_TRUE((*second)->read(512, bytes).ok());
  EXPECT_EQ(bytes[7], std::byte{7});
}

TEST(CudaRegion, is_not_opened_by_the_process_that_made_it) {
  void* memory = nullptr;
  ASSERT_EQ(cudaMalloc(&memory, kSharedBytes), cudaSuccess);
  cudaIpcMemHandle_t handle{};
  ASSERT_EQ(cudaIpcGetMemHandle(&handle, memory), cudaSuccess);
  const auto refused = open_cuda_region(std::as_bytes(std::span(&handle, 1)), 0, kSharedBytes);
  EXPECT_EQ(refused.status().code(), StatusCode::kInvalidArgument);
  EXPECT_NE(refused.status().message().find("not by the process that made it"),
            std::string_view::npos)
      << refused.status().message();
  std::printf("of this process itself: %s\n", refused.status().to_string().c_str());
  EXPECT_EQ(cudaFree(memory), cudaSuccess);
}

TEST(CudaRegion, feeds_a_model_without_the_host) {
  const SharingProcess other;
  const auto region = open_cuda_region(other.handle(), 0, kSharedBytes);
  ASSERT_TRUE(region.ok()) << region.status().to_string();
  ModelOnGpu loaded(lenet_file(), {{"precision", "fp32"}});
  const auto session = loaded.model->new_session().value();
  const auto values = random_values(3 * kDigitPixels, 4);
  const std::size_t size = values.size() * sizeof(float);
  ASSERT_TRUE((*region)->write(0, std::as_bytes(std::span(values))).ok());
  const auto wanted = run_batch(*session, {3, 1, 28, 28}, values);
  ASSERT_TRUE(session->prepare_input(0, {3, 1, 28, 28}, size).ok());
  const DeviceBytes bytes = (*region)->bytes();
  ASSERT_TRUE(session->take_from_device(0, 0, {bytes.device, bytes.address, size}).ok());
  ASSERT_TRUE(session->run().ok());
  const auto got = session->output(0)->elements<float>();
  expect_near(std::vector<float>(got.begin(), got.end()), wanted, 1e-5);
}

}  // namespace
}  // namespace muster::tensorrt
