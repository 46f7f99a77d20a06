// SPDX-License-Identifier: Apache-2.0
// Memory after many loads and many requests. MUSTER_GPU_LOADS and MUSTER_GPU_REQUESTS say how many,
// MUSTER_GPU_THREADS on how many threads; without them as many as take some seconds.
#include <algorithm>
#include <barrier>
#include <cstdlib>
#include <memory>
#include <thread>
#include <vector>

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

// What is there once every thread has warmed up, and again when all have done their part of
// `count`. `make_work` is called once on each thread and gives what it repeats; false = it failed.
template <typename MakeWork>
void expect_none(int count, int warm_up, MakeWork make_work) {
  const int threads = std::max(1, count_of("MUSTER_GPU_THREADS", 2));
  std::uint64_t free_before = 0;
  std::uint64_t resident_before = 0;
  std::barrier warm(threads, [&]() noexcept {
    free_before = free_bytes();
    resident_before = resident_bytes();
  });
  // Nobody lets go of what he has before it was looked at.
  std::barrier done(threads, [&]() noexcept { expect_no_growth(free_before, resident_before); });
  std::vector<std::thread> workers;
  for (int thread = 0; thread < threads; ++thread) {
    workers.emplace_back([&, thread] {
      const auto work = make_work();
      bool good = true;
      for (int i = 0; i < warm_up && good; ++i)
        good = work(i);
      warm.arrive_and_wait();
      for (int i = thread; i < count && good; i += threads)
        good = work(i);
      EXPECT_TRUE(good) << "on thread " << thread;
      done.arrive_and_wait();
    });
  }
  for (std::thread& worker : workers)
    worker.join();
}

TEST(Leaks, are_none_after_many_loads) {
  expect_none(count_of("MUSTER_GPU_LOADS", 40), 10, [] {
    return [](int i) {
      ModelOnGpu loaded(lenet_file(), {{"graph_batch_sizes", "1,4,8"}}, 8);
      if (loaded.model == nullptr) return false;
      const auto session = loaded.model->new_session();
      return session.ok() && run_digits(**session, 1 + i % 8, 1).ok();
    };
  });
}

TEST(Leaks, are_none_after_many_requests) {
  ModelOnGpu loaded(lenet_file(), {}, 8);
  ASSERT_NE(loaded.model, nullptr);
  const std::vector<float> values = random_values(8 * kDigitPixels, 1);
  expect_none(count_of("MUSTER_GPU_REQUESTS", 100000), 1000, [&] {
    return
        [&values, session = std::shared_ptr<Session>(loaded.model->new_session().value())](int i) {
          const std::int64_t rows = 1 + i % 8;
          const std::size_t size = static_cast<std::size_t>(rows) * kDigitPixels * sizeof(float);
          const auto room = session->prepare_input(0, {rows, 1, 28, 28}, size);
          if (!room.ok()) return false;
          std::memcpy(room->data(), values.data(), size);
          return session->run().ok();
        };
  });
}

}  // namespace
}  // namespace muster::tensorrt
