// SPDX-License-Identifier: Apache-2.0
// Memory after many loads and many requests. MUSTER_GPU_LOADS and MUSTER_GPU_REQUESTS say how many;
// without them as many as take some seconds.
#include <cstdlib>

#include "backends/tensorrt/device/cuda_device.h"
#include "tests/gpu/model_on_gpu.h"

namespace muster::tensorrt {
namespace {

constexpr std::uint64_t kSpareBytes = std::uint64_t{32} << 20;

int count_of(const char* variable, int otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::atoi(text);
}

std::uint64_t free_bytes() {
  const auto device = open_cuda_device(0).value();
  return device->free_bytes().value();
}

std::uint64_t resident_bytes() {
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  unsigned long long all = 0;
  unsigned long long resident = 0;
  const int read = std::fscanf(file, "%llu %llu", &all, &resident);
  std::fclose(file);
  return read == 2 ? resident * 4096 : 0;
}

void expect_no_growth(std::uint64_t free_before, std::uint64_t resident_before) {
  const std::uint64_t free_after = free_bytes();
  const std::uint64_t resident_after = resident_bytes();
  std::printf("free on the GPU %.1f MiB, then %.1f; resident %.1f MiB, then %.1f\n",
              static_cast<double>(free_before) / (1 << 20),
              static_cast<double>(free_after) / (1 << 20),
              static_cast<double>(resident_before) / (1 << 20),
              static_cast<double>(resident_after) / (1 << 20));
  EXPECT_GE(free_after + kSpareBytes, free_before);
  EXPECT_LE(resident_after, resident_before + kSpareBytes);
}

TEST(Leaks, are_none_after_many_loads) {
  const int loads = count_of("MUSTER_GPU_LOADS", 40);
  std::uint64_t free_before = 0;
  std::uint64_t resident_before = 0;
  for (int i = 0; i < loads + 10; ++i) {
    if (i == 10) free_before = free_bytes();
    if (i == 10) resident_before = resident_bytes();
    ModelOnGpu loaded(lenet_file(), {{"graph_batch_sizes", "1,4,8"}}, 8);
    const auto session = loaded.model->new_session().value();
    ASSERT_TRUE(run_digits(*session, 1 + i % 8, 1).ok());
  }
  expect_no_growth(free_before, resident_before);
}

TEST(Leaks, are_none_after_many_requests) {
  const int requests = count_of("MUSTER_GPU_REQUESTS", 100000);
  ModelOnGpu loaded(lenet_file(), {}, 8);
  const auto session = loaded.model->new_session().value();
  const std::vector<float> values = random_values(8 * kDigitPixels, 1);
  std::uint64_t free_before = 0;
  std::uint64_t resident_before = 0;
  for (int i = 0; i < requests + 1000; ++i) {
    if (i == 1000) free_before = free_bytes();
    if (i == 1000) resident_before = resident_bytes();
    const std::int64_t rows = 1 + i % 8;
    const std::size_t size = static_cast<std::size_t>(rows) * kDigitPixels * sizeof(float);
    const auto room = session->prepare_input(0, {rows, 1, 28, 28}, size);
    ASSERT_TRUE(room.ok());
    std::memcpy(room->data(), values.data(), size);
    ASSERT_TRUE(session->run().ok());
  }
  expect_no_growth(free_before, resident_before);
}

}  // namespace
}  // namespace muster::tensorrt
