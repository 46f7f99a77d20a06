// SPDX-License-Identifier: Apache-2.0
// Memory and copies, by a driver that plays.
#include <array>
#include <cstring>
#include <thread>

#include <gtest/gtest.h>

#include "backends/onnxruntime/binding.h"
#include "backends/onnxruntime/gpu/cuda_driver.h"
#include "backends/onnxruntime/gpu/gpu_share.h"
#include "backends/onnxruntime/gpu/tensor_room.h"
#include "backends/onnxruntime/gpu/testing/fake_cuda.h"
#include "backends/onnxruntime/model.h"
#include "inference/testing/loaded_model.h"
#include "onnx/testing/onnx_file.h"

namespace muster::onnxruntime {
namespace {

constexpr std::size_t kSize = 4096;
constexpr int kIllegalAddress = 700;

TEST(CudaDriver, copies_in_order_and_is_done_when_it_was_waited_for) {
  const FakeCuda fake;
  const auto gpu = open_gpu(0, kFakeCuda).value();
  const GpuMemory device = allocate_on(*gpu, Gpu::Kind::kDevice, kSize).value();
  const GpuMemory in = allocate_on(*gpu, Gpu::Kind::kPinned, kSize).value();
  const GpuMemory out = allocate_on(*gpu, Gpu::Kind::kPinned, kSize).value();
  const auto copies = gpu->new_copies().value();
  std::memset(in.get(), 3, kSize);
  std::memset(out.get(), 0, kSize);
  ASSERT_TRUE(copies->copy_in(device.get(), {in.get(), kSize}).ok());
  ASSERT_TRUE(copies->copy_out({out.get(), kSize}, device.get()).ok());
  EXPECT_EQ(out.get()[0], std::byte{0});
  ASSERT_TRUE(copies->wait().ok());
  EXPECT_EQ(std::memcmp(in.get(), out.get(), kSize), 0);
  EXPECT_EQ(gpu->identity(), "Fake GPU, capability 9.0, driver's CUDA 13000");
}

TEST(CudaDriver, tells_memory_that_is_out_from_a_gpu_that_is_lost) {
  const FakeCuda fake;
  const auto gpu = open_gpu(0, kFakeCuda).value();
  fake.have_bytes(fake.used_bytes() + kSize);
  EXPECT_EQ(gpu->free_bytes(), kSize);
  const auto refused = gpu->allocate(Gpu::Kind::kDevice, kSize + 1);
  EXPECT_EQ(refused.status().code(), StatusCode::kResourceExhausted);
  EXPECT_NE(refused.status().message().find("GPU 0, 4097 bytes of its memory: CUDA says: out of"),
            std::string_view::npos)
      << refused.status().message();
  EXPECT_TRUE(allocate_on(*gpu, Gpu::Kind::kDevice, kSize).ok());
  const auto copies = gpu->new_copies().value();
  EXPECT_TRUE(copies->wait().ok());
  fake.fail_with(kIllegalAddress);
  EXPECT_EQ(copies->wait().code(), kBrokenForGood);
  EXPECT_EQ(gpu->free_bytes(), 0U);
  fake.fail_with(1);
  EXPECT_EQ(copies->wait().code(), StatusCode::kInternal);
}

TEST(CudaDriver, lets_no_thread_mind_what_others_record) {
  const FakeCuda fake;
  const auto gpu = open_gpu(0, kFakeCuda).value();
  int before = -1;
  int after = -1;
  int relaxed = -1;
  int again = -1;
  std::thread([&] {
    before = fake.capture_mode();
    EXPECT_GT(gpu->free_bytes(), 0U);
    after = fake.capture_mode();
    // Once alone: what is set later is somebody's own affair.
    fake.set_capture_mode(0);
    ignore_captures_of_others();
    again = fake.capture_mode();
  }).join();
  std::thread([&] {
    fake.set_capture_mode(2);
    ignore_captures_of_others();
    relaxed = fake.capture_mode();
  }).join();
  EXPECT_EQ(before, 0);
  EXPECT_EQ(after, 1);
  EXPECT_EQ(again, 0);
  EXPECT_EQ(relaxed, 2);
}

TEST(CudaDriver, says_what_is_missing) {
  const FakeCuda fake;
  const Status no_driver = open_gpu(0, "/nowhere/libcuda.so.1").status();
  EXPECT_EQ(no_driver.code(), StatusCode::kFailedPrecondition);
  EXPECT_NE(no_driver.message().find("there is no driver of NVIDIA's"), std::string_view::npos);
  const Status no_gpu = open_gpu(1, kFakeCuda).status();
  EXPECT_EQ(no_gpu.code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(no_gpu.message(), "there is no GPU 1 here");
  fake.fail_with(999);
  EXPECT_EQ(open_gpu(0, kFakeCuda).status().code(), StatusCode::kFailedPrecondition);
}

TEST(TensorRoom, is_on_the_host_alone_without_a_gpu) {
  TensorRoom room;
  EXPECT_TRUE(room.grow(100).value());
  EXPECT_FALSE(room.grow(50).value());
  EXPECT_EQ(room.bound(), room.host(100).data());
  EXPECT_EQ(room.device_bytes(), 0U);
}

TEST(TensorRoom, is_there_twice_with_one_and_grows_on_both) {
  const FakeCuda fake;
  const auto gpu = open_gpu(0, kFakeCuda).value();
  const std::size_t before = fake.used_bytes();
  TensorRoom room(gpu.get());
  EXPECT_TRUE(room.grow(kSize).value());
  EXPECT_NE(room.bound(), room.host(kSize).data());
  EXPECT_EQ(room.device_bytes(), kSize);
  EXPECT_TRUE(room.grow(kSize + 1).value());
  EXPECT_EQ(room.device_bytes(), kSize + kSize / 2);
  room.clear();
  EXPECT_EQ(fake.used_bytes(), before);
  EXPECT_FALSE(room.holds(0));
}

TEST(TensorRoom, takes_no_more_than_it_needs_where_memory_is_short) {
  const FakeCuda fake;
  const auto gpu = open_gpu(0, kFakeCuda).value();
  TensorRoom room(gpu.get());
  ASSERT_TRUE(room.grow(kSize).ok());
  fake.have_bytes(fake.used_bytes() + 2 * kSize);  // half as much again would not be there twice
  EXPECT_TRUE(room.grow(2 * kSize - 512).ok());
  const auto refused = room.grow(100 * kSize);
  EXPECT_EQ(refused.status().code(), StatusCode::kResourceExhausted);
  EXPECT_FALSE(room.holds(1));
  EXPECT_TRUE(room.grow(kSize).ok());
}

GpuShare::Setup with_graphs(int limit) {
  GpuShare::Setup setup;
  setup.graphs = true;
  setup.graph_limit = limit;
  return setup;
}

TEST(GpuShare, numbers_graphs_up_to_its_limit) {
  GpuShare share(with_graphs(2));
  EXPECT_EQ(share.next_graph(), 1);
  EXPECT_EQ(share.next_graph(), 2);
  EXPECT_EQ(share.next_graph(), std::nullopt);
  GpuShare none({});
  EXPECT_EQ(none.next_graph(), std::nullopt);
}

TEST(GpuShare, has_no_graphs_any_more_once_they_were_given_up) {
  GpuShare share(with_graphs(5));
  EXPECT_TRUE(share.uses_graphs());
  share.give_up_graphs();
  EXPECT_FALSE(share.uses_graphs());
  EXPECT_EQ(share.next_graph(), std::nullopt);
  EXPECT_TRUE(share.has_graphs());  // runs still say that they have none
}

TEST(GpuShare, adds_up_what_sessions_have) {
  const FakeCuda fake;
  GpuShare::Setup setup;
  setup.gpu = open_gpu(0, kFakeCuda).value();
  setup.load_bytes = 1000;
  GpuShare share(std::move(setup));
  share.account(64);
  share.account(-24);
  const DeviceMemoryUse use = share.memory();
  EXPECT_EQ(use.device, 0);
  EXPECT_EQ(use.weights, 1000U);
  EXPECT_EQ(use.sessions, 40U);
}

// The runtime copies a tensor that it wants elsewhere when it is bound, and a run would see what
// was there then. It wants this one where it is, so that the test sees the order alone.
TEST(BindingSet, binds_inputs_anew_that_the_runtime_copies) {
  const LoadedModel loaded(onnx::test_model("identity_fp32.onnx"));
  const auto& model = dynamic_cast<const Model&>(*loaded.model);
  GpuShare::Setup setup;
  setup.places = {{Place::kElsewhere}, {Place::kHost}};
  GpuShare share(std::move(setup));
  BindingSet set(model.runtime(), model.signature(), &share);
  const auto bytes = set.input_bytes(0, 16).value();
  const std::array shapes = {Shape{1, 4}};
  Binding& binding = *set.find_or_make(shapes).value();
  EXPECT_EQ(binding.copied_inputs, std::vector<std::size_t>{0});
  EXPECT_FALSE(binding.graph);
  const Ort::RunOptions options;
  EXPECT_ANY_THROW(model.runtime().Run(options, binding.io));  // it is not bound yet
  for (const float value : {1.F, 2.F}) {
    const std::array values = {value, value, value, value};
    std::memcpy(bytes.data(), values.data(), bytes.size());
    ASSERT_TRUE(set.bind_copied_inputs(binding).ok());
    model.runtime().Run(options, binding.io);
    EXPECT_EQ(std::memcmp(binding.outputs[0].bytes.data(), values.data(), bytes.size()), 0);
  }
}

}  // namespace
}  // namespace muster::onnxruntime
