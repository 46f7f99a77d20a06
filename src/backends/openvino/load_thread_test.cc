// SPDX-License-Identifier: Apache-2.0
#include "backends/openvino/load_thread.h"

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include "inference/testing/loaded_model.h"

namespace muster::openvino {
namespace {

TEST(LoadThread, gives_the_runtime_s_threads_the_priority_of_the_backend_s_maker) {
  const std::unique_ptr<Backend> backend = backend_under_test();
  const int usual = ::getpriority(PRIO_PROCESS, 0);
  std::thread loader([&] {
    ASSERT_EQ(::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), 19), 0);
    const ModelConfig config;
    const auto model =
        backend->load({MUSTER_SOURCE_DIR "/models/lenet/1/model.onnx", &config, 3, 2});
    ASSERT_TRUE(model.ok()) << model.status().message();
    int others = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) {
      const int thread = std::atoi(entry.path().filename().c_str());
      if (thread == ::gettid()) continue;
      ++others;
      EXPECT_EQ(::getpriority(PRIO_PROCESS, static_cast<id_t>(thread)), usual);
    }
    EXPECT_GT(others, 3);
  });
  loader.join();
}

TEST(LoadThread, does_one_job_at_a_time_for_many_callers) {
  LoadThread thread;
  std::vector<std::thread> callers;
  std::atomic<int> under_way{0};
  std::atomic<int> wrong{0};
  int done = 0;
  for (int i = 0; i < 8; ++i) {
    callers.emplace_back([&] {
      for (int k = 0; k < 20; ++k) {
        thread.run([&] {
          if (++under_way != 1) ++wrong;
          ++done;
          --under_way;
        });
      }
    });
  }
  for (std::thread& caller : callers)
    caller.join();
  EXPECT_EQ(done, 160);
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace muster::openvino
