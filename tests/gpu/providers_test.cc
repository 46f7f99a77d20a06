// SPDX-License-Identifier: Apache-2.0
// What ONNX Runtime's provider that MUSTER_GPU_PROVIDER names must do on a GPU.
#include <array>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "onnx/testing/onnx_file.h"
#include "tests/gpu/provider_models.h"

namespace muster::gpu_providers {
namespace {

namespace fs = std::filesystem;

// LeNet's outputs reach some 20; TF32 has 10 bits of mantissa.
constexpr double kTolerance = 0.1;

bool builds_engines() {
  return named_provider() == "tensorrt";
}

TEST(GpuProviders, see_each_batch_and_not_the_one_before) {
  const Loaded gpu({accelerator(named_provider())});
  const Loaded cpu({});
  ASSERT_EQ(gpu.model->accelerators(), named_provider());
  for (const std::int64_t rows : {2, 2, 2, 64, 1, 64, 3}) {
    for (std::uint32_t seed = 1; seed <= 3; ++seed) {
      expect_near(run_digits(*gpu.session, rows, seed), run_digits(*cpu.session, rows, seed),
                  kTolerance);
    }
  }
}

TEST(GpuProviders, run_a_model_of_the_gpu_alone_as_cuda_graphs) {
  if (builds_engines()) GTEST_SKIP() << "it replays one session's graph for all";
  const Loaded gpu({accelerator(named_provider())});
  // Runs that are recorded stay on one thread: that the runtime took the wish is seen by it.
  EXPECT_TRUE(gpu.model->sessions_are_thread_bound());
  testing::internal::CaptureStderr();
  for (int i = 0; i < 20; ++i)
    ASSERT_TRUE(run_digits(*gpu.session, 4, 1).ok());
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  const Loaded plain({accelerator(named_provider(), {{"cuda_graphs", "0"}})});
  EXPECT_FALSE(plain.model->sessions_are_thread_bound());
  expect_near(run_digits(*gpu.session, 4, 2), run_digits(*plain.session, 4, 2), kTolerance);
}

TEST(GpuProviders, keep_sessions_apart_that_replay_beside_each_other) {
  const Loaded gpu({accelerator(named_provider())});
  const Loaded cpu({});
  std::vector<std::vector<float>> wanted;
  for (std::uint32_t seed = 0; seed < 4; ++seed)
    wanted.push_back(run_digits(*cpu.session, 5, seed).value());
  std::vector<std::thread> threads;
  std::vector<int> wrong(wanted.size());
  for (std::size_t t = 0; t < wanted.size(); ++t) {
    threads.emplace_back([&, t] {
      const auto session = gpu.model->new_session().value();
      for (int i = 0; i < 100; ++i) {
        const auto got = run_digits(*session, 5, static_cast<std::uint32_t>(t));
        for (std::size_t k = 0; k < wanted[t].size(); ++k) {
          if (!got.ok() || std::abs((*got)[k] - wanted[t][k]) > kTolerance) ++wrong[t];
        }
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(wrong, std::vector<int>(wanted.size()));
}

// Runs digits in sessions of its own until it is told to end; the first fault. Each session records
// its graphs for these sizes one by one, and then replays them.
std::string run_until(const CompiledModel& model, const std::atomic<bool>& ended) {
  while (!ended) {
    const auto session = model.new_session();
    if (!session.ok()) return session.status().to_string();
    for (std::uint32_t i = 0; i < 64 && !ended; ++i) {
      const auto got = run_digits(**session, 1 + i % 16, i % 16);
      if (!got.ok()) return got.status().to_string();
    }
  }
  return {};
}

TEST(GpuProviders, run_on_while_another_model_is_loaded_and_records) {
  const Loaded running({builds_engines()
                            ? accelerator(named_provider())
                            : accelerator(named_provider(), {{"cuda_graphs", "2000"}})});
  ASSERT_NE(running.session, nullptr);
  constexpr int kLoads = 20;
  std::atomic<bool> ended{false};
  std::array<std::string, 2> faults;
  std::string fault_of_loads;
  testing::internal::CaptureStderr();
  std::vector<std::thread> threads;
  for (std::string& fault : faults)
    threads.emplace_back([&] { fault = run_until(*running.model, ended); });
  for (int i = 0; i < kLoads && fault_of_loads.empty(); ++i) {
    const Loaded loaded({accelerator(named_provider())});
    if (loaded.session == nullptr) break;  // has said why
    for (const std::int64_t rows : {1, 2, 4, 8, 1, 2, 4, 8, 1, 2, 4, 8}) {
      const auto got = run_digits(*loaded.session, rows, 1);
      if (!got.ok()) fault_of_loads = got.status().to_string();
    }
  }
  ended = true;
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(faults, (std::array<std::string, 2>{}));
  EXPECT_EQ(fault_of_loads, "");
  // A recording may be broken by who waits for the whole GPU, but the next one is not.
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_EQ(log.find("runs without from now on"), std::string::npos) << log;
}

TEST(GpuProviders, refuse_a_batch_that_does_not_fit_and_take_a_smaller_one) {
  if (builds_engines()) GTEST_SKIP() << "TensorRT sizes its memory when it builds";
  const Loaded gpu({accelerator("cuda", {{"gpu_mem_limit", "67108864"}})});
  ASSERT_NE(gpu.session, nullptr);
  // Time and again: what was recorded until it failed must not be replayed as if it were all.
  for (int i = 0; i < 6; ++i) {
    const auto refused = run_digits(*gpu.session, 32768, 1);
    EXPECT_EQ(refused.status().code(), StatusCode::kResourceExhausted)
        << refused.status().to_string();
  }
  EXPECT_TRUE(run_digits(*gpu.session, 16, 1).ok());
}

TEST(GpuProviders, tell_the_memory_of_the_gpu_that_a_model_has) {
  const Loaded gpu({accelerator(named_provider())});
  ASSERT_TRUE(run_digits(*gpu.session, 8, 1).ok());
  const DeviceMemoryUse use = gpu.model->device_memory();
  EXPECT_GE(use.sessions, 8 * kDigitPixels * sizeof(float));
  EXPECT_GT(use.weights, 0U);
}

TEST(GpuProviders, say_what_they_compute_in) {
  EXPECT_EQ(Loaded({accelerator(named_provider())}).model->precision(), "tf32");
  if (!builds_engines()) {
    EXPECT_EQ(Loaded({accelerator("cuda", {{"use_tf32", "0"}})}).model->precision(), "");
  }
}

TEST(GpuProviders, keep_engines_of_each_model_by_itself) {
  if (!builds_engines()) GTEST_SKIP() << "CUDA compiles nothing";
  const onnx::TemporaryFolder cache;
  const std::string folder = cache.path().string();
  const onnx::TemporaryFolder other;
  fs::copy(onnx::test_model("external_ok"), other.path(), fs::copy_options::recursive);
  const std::string first = onnx::test_model("external_ok") + "/model.onnx";
  const std::string second = (other.path() / "model.onnx").string();
  // The same graph with other weights: what the provider's own cache takes for the same.
  const fs::path weights = other.path() / "weights.bin";
  const auto bytes = fs::file_size(weights);
  std::vector<float> values(bytes / sizeof(float), 3.F);
  std::ofstream(weights, std::ios::binary)
      .write(reinterpret_cast<const char*>(values.data()), static_cast<std::streamsize>(bytes));
  const auto input_of = [](const Loaded& loaded) {
    std::vector<std::int64_t> dims;
    for (const std::int64_t dim : loaded.model->signature().inputs[0].shape.dims())
      dims.push_back(dim == kDynamicDim ? 2 : dim);
    return Shape(std::span<const std::int64_t>(dims));
  };
  for (const std::string& model : {first, second, first, second}) {
    const Loaded gpu({accelerator("tensorrt")}, model, folder);
    const Loaded cpu({}, model);
    const Shape shape = input_of(gpu);
    const auto input = random_values(element_count(shape).value(), 7);
    expect_near(run_batch(*gpu.session, shape, input), run_batch(*cpu.session, shape, input), 1e-2);
  }
  EXPECT_EQ(Loaded({accelerator("tensorrt")}, first, folder).model->compiled_cache_use().hits, 1U);
}

TEST(GpuProviders, load_faster_with_the_engines_that_were_kept) {
  if (!builds_engines()) GTEST_SKIP() << "CUDA compiles nothing";
  const onnx::TemporaryFolder cache;
  const std::string folder = cache.path().string();
  const auto timed = [&] {
    const auto begin = std::chrono::steady_clock::now();
    const Loaded loaded({accelerator("tensorrt")}, lenet_file(), folder);
    const auto use = loaded.model->compiled_cache_use();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    std::printf("LeNet on onnxruntime+tensorrt: %.3f s, %s\n", took.count(),
                use.hits > 0 ? "engines kept" : "engines built");
    return use;
  };
  EXPECT_EQ(timed().misses, 1U);
  EXPECT_EQ(timed().hits, 1U);
}

}  // namespace
}  // namespace muster::gpu_providers
