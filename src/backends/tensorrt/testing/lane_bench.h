// SPDX-License-Identifier: Apache-2.0
// LaneBench: lanes of a scripted engine on a scripted device, for tests.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "backends/tensorrt/lanes/lane.h"
#include "backends/tensorrt/lanes/lane_supply.h"
#include "backends/tensorrt/testing/scripted_engine.h"
#include "base/testing/fake_clock.h"

namespace muster::tensorrt::testing {

using Floats = std::vector<float>;

[[nodiscard]] inline Floats counting(std::size_t count, float first = 1) {
  Floats floats(count);
  std::iota(floats.begin(), floats.end(), first);
  return floats;
}

[[nodiscard]] inline Floats times(float factor, Floats floats) {
  for (float& value : floats)
    value *= factor;
  return floats;
}

class LaneBench : public ::testing::Test {
 protected:
  explicit LaneBench(ScriptedTimes reckoned = {}) : device_(clock_, reckoned) {}
  // Everything was given back, and nothing was used wrongly.
  ~LaneBench() override {
    lanes_.clear();
    supply_.reset();
    if (engine_) {
      EXPECT_EQ(engine_->live_contexts(), 0U);
    }
    EXPECT_EQ(device_.live(), 0U);
    for (const std::string& fault : device_.faults())
      ADD_FAILURE() << fault;
  }

  void open(EngineScript script, std::size_t lanes = 1) {
    engine_ = std::make_unique<ScriptedEngine>(device_, std::move(script));
    auto plan = plan_lanes(device_, *engine_, options_, 1);
    ASSERT_TRUE(plan.ok()) << plan.status().to_string();
    auto supply = LaneSupply::make(device_, *engine_, *std::move(plan), options_, clock_);
    ASSERT_TRUE(supply.ok()) << supply.status().to_string();
    supply_ = *std::move(supply);
    for (std::size_t i = 0; i < lanes; ++i)
      ASSERT_TRUE(add_lane().ok());
    device_.forget_ops();
  }
  Status add_lane() {
    auto lane = Lane::make(*supply_);
    if (!lane.ok()) return lane.status();
    lanes_.push_back(*std::move(lane));
    return {};
  }

  // Rows of four.
  Status prepare(const Floats& x, std::size_t lane = 0, std::size_t index = 0) {
    const std::size_t bytes = x.size() * sizeof(float);
    const Shape shape = {static_cast<std::int64_t>(x.size() / 4), 4};
    MUSTER_ASSIGN_OR_RETURN(const std::span<std::byte> room,
                            lanes_[lane]->input(index, shape, bytes));
    EXPECT_EQ(room.size(), bytes);
    if (bytes > 0) std::memcpy(room.data(), x.data(), bytes);
    return {};
  }
  Status run(const Floats& x, std::size_t lane = 0) {
    MUSTER_RETURN_IF_ERROR(prepare(x, lane));
    return lanes_[lane]->run();
  }
  Floats output(std::size_t index = 0, std::size_t lane = 0) {
    const auto view = lanes_[lane]->output(index);
    EXPECT_TRUE(view.ok()) << view.status().to_string();
    if (!view.ok()) return {};
    const auto elements = view->elements<float>();
    return {elements.begin(), elements.end()};
  }

  FakeClock clock_;
  ScriptedDevice device_;
  RunOptions options_;
  std::unique_ptr<ScriptedEngine> engine_;
  std::unique_ptr<LaneSupply> supply_;
  std::vector<std::unique_ptr<Lane>> lanes_;
};

}  // namespace muster::tensorrt::testing
