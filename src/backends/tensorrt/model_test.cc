// SPDX-License-Identifier: Apache-2.0
#include "backends/tensorrt/model.h"

#include <cstring>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "backends/tensorrt/testing/lane_bench.h"

namespace muster::tensorrt {
namespace {

using testing::Call;
using testing::counting;
using testing::EngineScript;
using testing::Floats;
using testing::rows_script;
using testing::ScriptedDevice;
using testing::ScriptedEngine;

ModelSignature signature_of(const Engine& engine) {
  ModelSignature signature;
  for (const EnginePort& port : engine.ports())
    (port.is_input ? signature.inputs : signature.outputs).push_back(port.spec);
  return signature;
}

class ModelTest : public ::testing::Test {
 protected:
  ~ModelTest() override {
    EXPECT_EQ(device_->live(), 0U);
    for (const std::string& fault : device_->faults())
      ADD_FAILURE() << fault;
  }
  Result<std::shared_ptr<const CompiledModel>> make(EngineScript script, int instances = 1) {
    auto engine = std::make_shared<const ScriptedEngine>(*device_, std::move(script));
    ModelSignature signature = signature_of(*engine);
    return make_model(device_, std::move(engine), std::move(signature), options_, instances,
                      clock_);
  }
  static Floats run(Session& session, const Floats& x) {
    const std::size_t bytes = x.size() * sizeof(float);
    auto room = session.prepare_input(0, {static_cast<std::int64_t>(x.size() / 4), 4}, bytes);
    EXPECT_TRUE(room.ok());
    std::memcpy(room->data(), x.data(), bytes);
    EXPECT_TRUE(session.run().ok());
    const auto view = session.output(0);
    EXPECT_TRUE(view.ok());
    const auto elements = view->elements<float>();
    return {elements.begin(), elements.end()};
  }

  FakeClock clock_;
  std::shared_ptr<ScriptedDevice> device_ = std::make_shared<ScriptedDevice>(clock_);
  RunOptions options_;
};

TEST_F(ModelTest, has_a_session_for_each_lane) {
  const auto made = make(rows_script(16, 4, 2), 2);
  ASSERT_TRUE(made.ok()) << made.status().to_string();
  const CompiledModel& model = **made;
  EXPECT_EQ(model.sessions_per_instance(), 3);
  EXPECT_FALSE(model.sessions_are_thread_bound());
  EXPECT_EQ(model.batch_range().min, 2);
  EXPECT_EQ(model.batch_range().max, 16);
  EXPECT_EQ(model.precision(), "f16");
  EXPECT_EQ(model.device_memory().weights, 1000U);
  EXPECT_EQ(model.device_memory().sessions, 0U);
  const auto session = model.new_session();
  ASSERT_TRUE(session.ok());
  EXPECT_EQ(run(**session, counting(8)), counting(8));
  EXPECT_EQ(model.device_memory().sessions, 4096U + 2 * 16 * 16);
}

TEST_F(ModelTest, lives_as_long_as_its_sessions) {
  auto made = make(rows_script(4));
  ASSERT_TRUE(made.ok());
  auto session = (*made)->new_session();
  ASSERT_TRUE(session.ok());
  made = Result<std::shared_ptr<const CompiledModel>>(nullptr);
  EXPECT_EQ(run(**session, counting(4)), counting(4));
}

TEST_F(ModelTest, has_no_range_of_batches_where_its_shapes_are_fixed) {
  EngineScript fixed = rows_script(8);
  for (EnginePort& port : fixed.ports)
    port.spec.shape = {1, 4};
  const auto made = make(std::move(fixed));
  ASSERT_TRUE(made.ok());
  EXPECT_EQ((*made)->batch_range().max, 0);
  const auto session = (*made)->new_session();
  ASSERT_TRUE(session.ok());
  const std::size_t launches = device_->calls(Call::kLaunch);
  EXPECT_EQ(run(**session, counting(4)), counting(4));
  EXPECT_EQ(device_->calls(Call::kLaunch), launches + 1);
}

TEST_F(ModelTest, runs_sessions_side_by_side) {
  const auto made = make(rows_script(8));
  ASSERT_TRUE(made.ok());
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&, i] {
      const auto session = (*made)->new_session();
      ASSERT_TRUE(session.ok());
      for (int batch = 0; batch < 200; ++batch) {
        const Floats x = counting(static_cast<std::size_t>(4 * (1 + batch % 8)),
                                  static_cast<float>(1000 * i + batch));
        ASSERT_EQ(run(**session, x), x);
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
}

TEST_F(ModelTest, refuses_a_signature_that_is_not_the_engine_s) {
  auto engine = std::make_shared<const ScriptedEngine>(*device_, rows_script(4));
  ModelSignature signature = signature_of(*engine);
  signature.inputs[0].name = "other";
  EXPECT_EQ(make_model(device_, engine, signature, options_, 1, clock_).status().to_string(),
            "INVALID_ARGUMENT: the model's 'other' is not what the engine has in its place: 'x'");
  signature.inputs.clear();
  EXPECT_EQ(make_model(device_, engine, signature, options_, 1, clock_).status().to_string(),
            "INVALID_ARGUMENT: the model has 0 inputs and 1 outputs, the engine has 1 and 1");
}

TEST_F(ModelTest, is_refused_where_not_one_lane_fits) {
  device_->set_memory(kSpareBytes);
  EXPECT_EQ(make(rows_script(4)).status().code(), StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace muster::tensorrt
