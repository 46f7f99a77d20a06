// SPDX-License-Identifier: Apache-2.0
#include "backends/onnxruntime/pool_threads.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <ctime>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "backends/onnxruntime/backend.h"
#include "base/testing/own_threads.h"

namespace muster::onnxruntime {
namespace {

using testing::own_threads;

TEST(PoolThreads, have_the_priority_of_the_backend_s_maker_and_not_of_the_loader) {
  const std::unique_ptr<Backend> backend = create_backend().value();
  const std::set<int> before = own_threads();
  const int usual = ::getpriority(PRIO_PROCESS, 0);
  Result<std::shared_ptr<const CompiledModel>> model = internal_error("not loaded");
  std::thread loader([&] {
    ASSERT_EQ(::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), 19), 0);
    const ModelConfig config;
    model = backend->load({MUSTER_SOURCE_DIR "/tests/models/identity_fp32.onnx", &config, 3});
  });
  loader.join();
  ASSERT_TRUE(model.ok()) << model.status().to_string();
  int pool = 0;
  for (const int thread : own_threads()) {
    if (before.contains(thread)) continue;
    ++pool;
    EXPECT_EQ(::getpriority(PRIO_PROCESS, static_cast<id_t>(thread)), usual);
  }
  EXPECT_EQ(pool, 2);
}

std::size_t threads_beside(const std::set<int>& before) {
  std::size_t count = 0;
  for (const int thread : own_threads())
    count += before.contains(thread) ? 0U : 1U;
  return count;
}

// The thread that starts the others.
constexpr std::size_t kMaker = 1;

TEST(PoolThreads, are_the_same_for_all_models_whatever_their_number) {
  const std::set<int> before = own_threads();
  const std::unique_ptr<Backend> backend = create_backend({4}).value();
  ModelConfig config;
  ModelSource source{MUSTER_SOURCE_DIR "/tests/models/dynamic_hw.onnx", &config, 4};
  source.pooled = true;
  std::vector<std::shared_ptr<const CompiledModel>> models;
  for (int i = 0; i < 5; ++i) {
    models.push_back(backend->load(source).value());
    EXPECT_EQ(models.back()->threads().per_run, 4);
    EXPECT_EQ(models.back()->threads().own, 0);
  }
  EXPECT_EQ(threads_beside(before), kMaker + 3);

  config.parameters["intra_op_thread_count"] = "3";
  models.push_back(backend->load(source).value());
  EXPECT_EQ(models.back()->threads().per_run, 3);
  EXPECT_EQ(models.back()->threads().own, 2);
  EXPECT_EQ(threads_beside(before), kMaker + 3 + 2);
}

// Above the size that the runtime finds worth dividing.
TEST(PoolThreads, run_a_model_of_many_callers_to_the_same_answers) {
  const std::unique_ptr<Backend> backend = create_backend({3}).value();
  const ModelConfig config;
  ModelSource source{MUSTER_SOURCE_DIR "/tests/models/dynamic_hw.onnx", &config, 3};
  source.pooled = true;
  const auto model = backend->load(source).value();
  std::vector<std::thread> callers;
  std::atomic<int> wrong{0};
  for (int caller = 0; caller < 4; ++caller) {
    callers.emplace_back([&, value = static_cast<float>(caller + 1)] {
      const std::unique_ptr<Session> session = model->new_session().value();
      const Shape shape{8, 3, 64, 64};
      for (int i = 0; i < 20; ++i) {
        const auto bytes =
            session->prepare_input(0, shape, 8 * 3 * 64 * 64 * sizeof(float)).value();
        auto* const pixels = reinterpret_cast<float*>(bytes.data());
        std::fill(pixels, pixels + 8 * 3 * 64 * 64, value);
        if (!session->run().ok()) ++wrong;
        for (const float mean : session->output(0).value().elements<float>())
          wrong += mean == value ? 0 : 1;
      }
    });
  }
  for (std::thread& caller : callers)
    caller.join();
  EXPECT_EQ(wrong, 0);
}

std::chrono::nanoseconds cpu_time_of_this_process() {
  timespec time{};
  EXPECT_EQ(::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time), 0);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

// Threads that spun took 39 ms each after a run; what sleeps takes nothing, on any machine.
TEST(PoolThreads, sleep_as_soon_as_a_run_is_over) {
  const std::unique_ptr<Backend> backend = create_backend({4}).value();
  const ModelConfig config;
  ModelSource source{MUSTER_SOURCE_DIR "/tests/models/dynamic_hw.onnx", &config, 4};
  source.pooled = true;
  const auto model = backend->load(source).value();
  const std::unique_ptr<Session> session = model->new_session().value();
  constexpr std::int64_t kSide = 256;
  const auto bytes =
      session->prepare_input(0, {4, 3, kSide, kSide}, 4 * 3 * kSide * kSide * sizeof(float));
  ASSERT_TRUE(bytes.ok());
  std::fill(bytes->begin(), bytes->end(), std::byte{0});
  ASSERT_TRUE(session->run().ok());
  const auto before = cpu_time_of_this_process();
  ::poll(nullptr, 0, 200);
  EXPECT_LT(cpu_time_of_this_process() - before, std::chrono::milliseconds(20));
}

// An application that uses the runtime beside us may have made the process's one environment.
TEST(PoolThreads, are_a_model_s_own_where_the_process_s_environment_has_no_pool) {
  ::setenv("ORT_DISABLE_TELEMETRY", "1", 1);
  const Ort::Env theirs;
  const std::set<int> before = own_threads();
  const std::unique_ptr<Backend> backend = create_backend({3}).value();
  const ModelConfig config;
  ModelSource source{MUSTER_SOURCE_DIR "/tests/models/no_batch.onnx", &config, 3};
  source.pooled = true;
  const auto model = backend->load(source);
  ASSERT_TRUE(model.ok()) << model.status().message();
  EXPECT_EQ((*model)->threads().own, 2);
  EXPECT_EQ(threads_beside(before), kMaker + 2);
}

TEST(PoolThreads, start_one_after_the_other_from_many_threads) {
  PoolThreads threads;
  std::vector<std::thread> callers;
  std::atomic<int> ran{0};
  for (int i = 0; i < 8; ++i) {
    callers.emplace_back([&] {
      std::thread* const started = threads.start([&] { ++ran; });
      ASSERT_NE(started, nullptr);
      started->join();
      delete started;
    });
  }
  for (std::thread& caller : callers)
    caller.join();
  EXPECT_EQ(ran, 8);
}

}  // namespace
}  // namespace muster::onnxruntime
