// SPDX-License-Identifier: Apache-2.0
// What the backend does where there is no GPU. TensorRT itself would end the process there.
#include "backends/tensorrt/backend.h"

#include <array>
#include <string>

#include <gtest/gtest.h>

#include "backends/tensorrt/device/cuda_device.h"
#include "onnx/testing/onnx_file.h"

namespace muster::tensorrt {
namespace {

class Deaf final : public CompileListener {
 public:
  bool on_progress(const CompileProgress& /*progress*/) override { return true; }
};

class WithoutGpu : public ::testing::Test {
 protected:
  void SetUp() override {
    const Result<int> count = cuda_device_count();
    if (count.ok() && *count > 0) GTEST_SKIP() << "there is a GPU here";
  }

  const std::unique_ptr<Backend> backend_ = create_backend().value();
  const ModelConfig config_;
  const ModelSource lenet_{MUSTER_SOURCE_DIR "/models/lenet/1/model.onnx", &config_};
};

TEST_F(WithoutGpu, a_load_says_so_and_what_is_needed) {
  const Status refused = backend_->load(lenet_).status();
  EXPECT_EQ(refused.code(), StatusCode::kFailedPrecondition);
  EXPECT_NE(refused.message().find("there is no GPU for CUDA here"), std::string_view::npos)
      << refused.message();
  EXPECT_TRUE(refused.message().starts_with(lenet_.file)) << refused.message();
}

TEST_F(WithoutGpu, nothing_is_compiled) {
  Deaf listener;
  const onnx::TemporaryFolder folder;
  const std::string output = (folder.path() / "out.plan").string();
  EXPECT_EQ(backend_->compile(lenet_, output, listener).status().code(),
            StatusCode::kFailedPrecondition);
  EXPECT_EQ(backend_->must_compile(lenet_).status().code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(backend_->forget_compiled(lenet_).code(), StatusCode::kFailedPrecondition);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST_F(WithoutGpu, it_still_tells_what_it_is) {
  EXPECT_EQ(backend_->name(), "tensorrt");
  EXPECT_TRUE(backend_->version().starts_with("TensorRT 1")) << backend_->version();
  EXPECT_NE(backend_->library().find("libnvinfer"), std::string::npos) << backend_->library();
  EXPECT_TRUE(backend_->devices().empty());
}

TEST_F(WithoutGpu, no_memory_of_a_gpu_is_opened) {
  const std::array<std::byte, 64> handle{};
  EXPECT_EQ(backend_->open_region(handle, 0, 16).status().code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(backend_->open_region(std::span(handle).first(7), 0, 16).status().code(),
            StatusCode::kInvalidArgument);
}

TEST(TensorRtBackend, reads_its_parameters_before_it_looks_for_a_gpu) {
  const auto backend = create_backend().value();
  ModelConfig config;
  config.parameters["precison"] = "fp16";
  const Status refused = backend->load({"/nowhere/model.onnx", &config}).status();
  EXPECT_EQ(refused.code(), StatusCode::kInvalidArgument);
  EXPECT_NE(refused.message().find("did you mean 'precision'"), std::string_view::npos)
      << refused.message();
}

TEST(CudaErrors, that_stay_are_told_from_those_that_pass) {
  EXPECT_TRUE(status_of_cuda(0, "x").ok());
  EXPECT_EQ(status_of_cuda(2, "x").code(), StatusCode::kResourceExhausted);
  for (const int lost : {214, 220, 226, 700, 702, 709, 710, 714, 715, 716, 717, 718, 719, 911})
    EXPECT_EQ(status_of_cuda(lost, "x").code(), kBrokenForGood) << lost;
  EXPECT_EQ(status_of_cuda(4, "x").code(), StatusCode::kUnavailable);
  for (const int machine : {34, 35, 100, 101, 803, 804})
    EXPECT_EQ(status_of_cuda(machine, "x").code(), StatusCode::kFailedPrecondition) << machine;
  const Status other = status_of_cuda(1, "a copy of 5 bytes");
  EXPECT_EQ(other.code(), StatusCode::kInternal);
  EXPECT_TRUE(other.message().starts_with("a copy of 5 bytes: CUDA says: ")) << other.message();
  EXPECT_TRUE(other.message().ends_with("(cudaErrorInvalidValue, 1)")) << other.message();
}

}  // namespace
}  // namespace muster::tensorrt
