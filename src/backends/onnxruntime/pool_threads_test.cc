// SPDX-License-Identifier: Apache-2.0
#include "backends/onnxruntime/pool_threads.h"

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include "backends/onnxruntime/backend.h"

namespace muster::onnxruntime {
namespace {

std::set<int> threads_of_this_process() {
  std::set<int> threads;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task"))
    threads.insert(std::atoi(entry.path().filename().c_str()));
  return threads;
}

TEST(PoolThreads, have_the_priority_of_the_backend_s_maker_and_not_of_the_loader) {
  const std::unique_ptr<Backend> backend = create_backend().value();
  const std::set<int> before = threads_of_this_process();
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
  for (const int thread : threads_of_this_process()) {
    if (before.contains(thread)) continue;
    ++pool;
    EXPECT_EQ(::getpriority(PRIO_PROCESS, static_cast<id_t>(thread)), usual);
  }
  EXPECT_EQ(pool, 2);
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
