// SPDX-License-Identifier: Apache-2.0
#include "backends/openvino/worker_limit.h"

#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "backends/openvino/backend.h"

#ifdef MUSTER_OPENVINO_HAS_TBB
#  include <oneapi/tbb/global_control.h>

namespace muster::openvino {
namespace {

std::size_t allowed() {
  return tbb::global_control::active_value(tbb::global_control::max_allowed_parallelism);
}

TEST(WorkerLimit, holds_while_it_lives) {
  const std::size_t usual = allowed();
  {
    const WorkerLimit limit(1);
    EXPECT_EQ(allowed(), 1U);
  }
  EXPECT_EQ(allowed(), usual);
}

TEST(WorkerLimit, is_raised_and_never_lowered) {
  WorkerLimit limit(2);
  EXPECT_EQ(allowed(), 2U);
  limit.raise_to(5);
  EXPECT_EQ(allowed(), 5U);
  limit.raise_to(3);
  EXPECT_EQ(allowed(), 5U);
  EXPECT_EQ(limit.threads(), 5);
}

TEST(WorkerLimit, is_at_least_one_thread) {
  const WorkerLimit limit(0);
  EXPECT_EQ(limit.threads(), 1);
  EXPECT_EQ(allowed(), 1U);
}

TEST(WorkerLimit, is_the_thread_budget_until_a_model_asks_for_more_by_itself) {
  const std::unique_ptr<Backend> backend = create_backend({2}).value();
  EXPECT_EQ(allowed(), 2U);
  ModelConfig config;
  ModelSource source{MUSTER_SOURCE_DIR "/models/lenet/1/model.onnx", &config, 2};
  source.pooled = true;
  const auto sharing = backend->load(source);
  ASSERT_TRUE(sharing.ok()) << sharing.status().message();
  EXPECT_EQ(allowed(), 2U);
  EXPECT_EQ((*sharing)->threads().per_run, 2);
  EXPECT_EQ((*sharing)->threads().own, 0);
  config.parameters["INFERENCE_NUM_THREADS"] = "3";
  const auto asking = backend->load(source);
  ASSERT_TRUE(asking.ok()) << asking.status().message();
  EXPECT_EQ(allowed(), 3U);
  EXPECT_EQ((*asking)->threads().per_run, 3);
  EXPECT_EQ((*asking)->threads().own, 2);
}

}  // namespace
}  // namespace muster::openvino
#endif
