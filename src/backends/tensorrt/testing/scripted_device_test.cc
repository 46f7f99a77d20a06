// SPDX-License-Identifier: Apache-2.0
// What the scripted device and engine notice: a test that uses them rests on it.
#include "backends/tensorrt/testing/scripted_device.h"

#include <chrono>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "backends/tensorrt/testing/scripted_engine.h"

namespace muster::tensorrt::testing {
namespace {

using std::chrono::nanoseconds;
using Faults = std::vector<std::string>;

class ScriptedDeviceTest : public ::testing::Test {
 protected:
  FakeClock clock_;
  ScriptedDevice device_{clock_, {.in_per_byte = nanoseconds(1), .out_per_byte = nanoseconds(2)}};
};

TEST_F(ScriptedDeviceTest, copies_when_somebody_waits_and_not_before) {
  auto stream = device_.new_stream();
  auto event = device_.new_event(Wait::kBlock);
  auto host = device_.allocate_pinned(4);
  auto memory = device_.allocate(4);
  ASSERT_TRUE(stream.ok() && event.ok() && host.ok() && memory.ok());
  std::memset(host->get(), 1, 4);
  std::memset(memory->get(), 7, 4);
  const auto begun = clock_.now();
  ASSERT_TRUE(device_.copy_out(host->get(), memory->get(), 4, *stream).ok());
  ASSERT_TRUE(device_.record(*event, *stream).ok());
  EXPECT_EQ(*static_cast<char*>(host->get()), 1);
  ASSERT_TRUE(device_.wait(*event, Wait::kSpin).ok());
  EXPECT_EQ(*static_cast<char*>(host->get()), 7);
  EXPECT_EQ(clock_.now() - begun, nanoseconds(8));
  EXPECT_EQ(device_.waits(), std::vector<Wait>({Wait::kSpin}));
  EXPECT_TRUE(device_.faults().empty());
}

TEST_F(ScriptedDeviceTest, notices_memory_that_is_used_after_its_end) {
  auto stream = device_.new_stream();
  auto host = device_.allocate_pinned(4);
  ASSERT_TRUE(stream.ok() && host.ok());
  {
    auto memory = device_.allocate(4);
    ASSERT_TRUE(memory.ok());
    ASSERT_TRUE(device_.copy_in(memory->get(), host->get(), 4, *stream).ok());
  }
  ASSERT_TRUE(device_.wait_all(*stream).ok());
  EXPECT_EQ(device_.faults(), Faults({"a copy of memory that is not there"}));
}

TEST_F(ScriptedDeviceTest, notices_two_threads_in_a_stream) {
  auto stream = device_.new_stream();
  auto host = device_.allocate_pinned(4);
  auto memory = device_.allocate(4);
  ASSERT_TRUE(stream.ok() && host.ok() && memory.ok());
  ASSERT_TRUE(device_.copy_in(memory->get(), host->get(), 4, *stream).ok());
  std::thread([&] {
    EXPECT_TRUE(device_.copy_in(memory->get(), host->get(), 4, *stream).ok());
  }).join();
  ASSERT_TRUE(device_.wait_all(*stream).ok());
  EXPECT_FALSE(device_.faults().empty());
}

TEST_F(ScriptedDeviceTest, notices_two_runs_in_the_same_activations) {
  auto one = device_.new_stream();
  auto two = device_.new_stream();
  auto event = device_.new_event(Wait::kBlock);
  ASSERT_TRUE(one.ok() && two.ok() && event.ok());
  int scratch = 0;
  const auto work = [&] {
    return ScriptedWork{1, nanoseconds(10), &scratch, [] { return std::string(); }};
  };
  ASSERT_TRUE(device_.compute(*one, work()).ok());
  ASSERT_TRUE(device_.record(*event, *one).ok());
  ASSERT_TRUE(device_.hold(*two, *event).ok());
  ASSERT_TRUE(device_.compute(*two, work()).ok());
  EXPECT_TRUE(device_.faults().empty());
  ASSERT_TRUE(device_.compute(*one, work()).ok());  // and this one holds for nobody
  EXPECT_EQ(device_.faults(), Faults({"two runs in the same activations"}));
  ASSERT_TRUE(device_.wait_all(*one).ok());
  ASSERT_TRUE(device_.wait_all(*two).ok());
}

TEST_F(ScriptedDeviceTest, notices_a_graph_whose_context_was_set_anew) {
  ScriptedEngine engine(device_, rows_script(4));
  auto stream = device_.new_stream();
  auto memory = device_.allocate(64);
  auto activations = device_.allocate(4096);
  auto context = engine.new_context();
  ASSERT_TRUE(stream.ok() && memory.ok() && activations.ok() && context.ok());
  EngineContext& set = **context;
  ASSERT_TRUE(set.use_activations(activations->get(), 4096).ok());
  ASSERT_TRUE(set.set_input_shape(0, {4, 4}).ok());
  ASSERT_TRUE(set.bind(0, memory->get()).ok());
  ASSERT_TRUE(set.bind(1, memory->get()).ok());
  ASSERT_TRUE(device_.begin_capture(*stream).ok());
  ASSERT_TRUE(set.enqueue(*stream).ok());
  auto graph = device_.end_capture(*stream);
  ASSERT_TRUE(graph.ok());
  ASSERT_TRUE(device_.launch(*graph, *stream).ok());
  ASSERT_TRUE(device_.wait_all(*stream).ok());
  EXPECT_TRUE(device_.faults().empty());
  ASSERT_TRUE(set.set_input_shape(0, {2, 4}).ok());
  ASSERT_TRUE(device_.launch(*graph, *stream).ok());
  ASSERT_TRUE(device_.wait_all(*stream).ok());
  EXPECT_EQ(device_.faults(), Faults({"a run of a context that was set anew since"}));
}

TEST_F(ScriptedDeviceTest, fails_where_it_is_told_and_stays_broken) {
  device_.fail(Call::kAllocate, internal_error("the second"), 1);
  auto first = device_.allocate(1);
  EXPECT_TRUE(first.ok());
  EXPECT_EQ(device_.allocate(1).status().message(), "the second");
  EXPECT_TRUE(device_.allocate(1).ok());
  device_.fail(Call::kNewStream, Status(kBrokenForGood, "gone"));
  EXPECT_EQ(device_.new_stream().status().code(), kBrokenForGood);
  EXPECT_EQ(device_.allocate(1).status().code(), kBrokenForGood);
  first = DeviceMemory();
  EXPECT_EQ(device_.live(), 0U);
}

TEST_F(ScriptedDeviceTest, has_as_much_memory_as_it_is_told) {
  device_.set_memory(100);
  auto first = device_.allocate(60);
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(device_.allocate(41).status().code(), StatusCode::kResourceExhausted);
  EXPECT_TRUE(device_.allocate(40).ok());
  EXPECT_EQ(*device_.free_bytes(), 40U);
}

}  // namespace
}  // namespace muster::tensorrt::testing
