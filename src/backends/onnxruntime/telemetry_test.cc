// SPDX-License-Identifier: Apache-2.0
// Official builds of the runtime send usage events unless told not to before anything else. A
// program that uses them has a thread more and files in its cache folder; this one may have
// neither.
#include <cstdlib>
#include <filesystem>
#include <iterator>

#include <gtest/gtest.h>

#include "base/testing/own_threads.h"
#include "inference/testing/loaded_model.h"
#include "onnx/testing/onnx_file.h"

namespace muster::onnxruntime {
namespace {

using namespace onnx;

std::ptrdiff_t thread_count() {
  return std::ssize(testing::own_threads());
}

// The one that starts the threads of the runtime's pools (pool_threads.h).
constexpr std::ptrdiff_t kOurs = 1;

// Made before gtest's other tests have made an environment: `ctest` runs each in its own process.
TEST(Telemetry, is_off_whatever_the_environment_says) {
  const TemporaryFolder home;
  ::setenv("HOME", home.path().c_str(), 1);
  ::setenv("XDG_CACHE_HOME", home.path().c_str(), 1);
  ::setenv("ORT_DISABLE_TELEMETRY", "0", 1);
  const std::ptrdiff_t threads = thread_count();
  LoadedModel loaded(test_model("no_batch.onnx"));
  ASSERT_TRUE(loaded.set<float>(0, {3}, {1, 2, 3}).ok());
  ASSERT_TRUE(loaded.session->run().ok());
  EXPECT_STREQ(std::getenv("ORT_DISABLE_TELEMETRY"), "1");
  EXPECT_TRUE(std::filesystem::is_empty(home.path()));
  EXPECT_EQ(thread_count(), threads + kOurs);
}

TEST(Threads, are_none_of_the_runtimes_where_the_budget_is_one) {
  const std::ptrdiff_t threads = thread_count();
  const LoadedModel loaded(test_model("no_batch.onnx"), {}, 1);
  EXPECT_EQ(thread_count(), threads + kOurs);
}

TEST(Threads, are_as_many_as_the_budget_says) {
  const std::ptrdiff_t threads = thread_count();
  const LoadedModel loaded(test_model("no_batch.onnx"), {}, 3);
  // The caller's thread is one of the three.
  EXPECT_EQ(thread_count(), threads + kOurs + 2);
}

}  // namespace
}  // namespace muster::onnxruntime
