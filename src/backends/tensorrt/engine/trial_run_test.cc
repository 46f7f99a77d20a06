// SPDX-License-Identifier: Apache-2.0
#include "backends/tensorrt/engine/trial_run.h"

#include <gtest/gtest.h>

#include "backends/tensorrt/testing/scripted_engine.h"

namespace muster::tensorrt {
namespace {

class TrialRunTest : public ::testing::Test {
 protected:
  ~TrialRunTest() override {
    EXPECT_EQ(device_.live(), 0U);
    EXPECT_EQ(device_.faults(), std::vector<std::string>());
  }

  FakeClock clock_;
  testing::ScriptedDevice device_{clock_};
};

TEST_F(TrialRunTest, runs_the_smallest_batch_and_keeps_nothing) {
  const testing::ScriptedEngine engine(device_, testing::rows_script(16, 4, 2));
  EXPECT_TRUE(try_on_zeros(device_, engine).ok());
  ASSERT_EQ(device_.calls(testing::Call::kCompute), 1U);
  EXPECT_EQ(engine.live_contexts(), 0U);
  for (const testing::ScriptedOp& op : device_.ops()) {
    if (op.kind != testing::OpKind::kCompute) continue;
    EXPECT_EQ(op.size, 2U);
  }
}

TEST_F(TrialRunTest, tells_of_an_engine_that_does_not_run) {
  const testing::ScriptedEngine engine(device_, testing::rows_script(16));
  device_.fail(testing::Call::kCompute, internal_error("no kernel"));
  EXPECT_EQ(try_on_zeros(device_, engine).message(), "no kernel");
}

TEST_F(TrialRunTest, tells_of_memory_that_is_out) {
  const testing::ScriptedEngine engine(device_, testing::rows_script(16));
  device_.set_memory(1000);
  EXPECT_EQ(try_on_zeros(device_, engine).code(), StatusCode::kResourceExhausted);
}

TEST_F(TrialRunTest, leaves_engines_alone_whose_inputs_say_how_large_others_are) {
  testing::EngineScript script = testing::rows_script(16);
  script.ports.front().on_host = true;
  const testing::ScriptedEngine engine(device_, std::move(script));
  EXPECT_TRUE(try_on_zeros(device_, engine).ok());
  EXPECT_EQ(device_.calls(testing::Call::kCompute), 0U);
}

}  // namespace
}  // namespace muster::tensorrt
