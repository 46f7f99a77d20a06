// SPDX-License-Identifier: Apache-2.0
#include "backends/scripted/script.h"

#include <gtest/gtest.h>

namespace muster::scripted {
namespace {

constexpr std::string_view kTensors = "input A FP32 [-1,4]\noutput B FP32 [-1,4]\n";

void expect_refused(std::string_view text, std::string_view words) {
  const Result<Script> script = parse_script(text);
  ASSERT_FALSE(script.ok()) << text;
  EXPECT_NE(script.status().message().find(words), std::string_view::npos)
      << script.status().message();
}

TEST(Script, reads_every_instruction) {
  const Result<Script> script = parse_script(
      "# a model\n"
      "input  A TYPE_FP32 [-1, 4]   # rows\r\n"
      "input B INT64 []\n\n"
      "output C BYTES [-1]\n"
      "latency_us 100 5\n"
      "fail every 3 out of paper\n"
      "fail_load no such weights\n"
      "break at 7 the device is gone\n"
      "prepare_us 6000000 3\n"
      "fail_prepare no tactic\n"
      "prepared_differs\n"
      "thread_bound");
  ASSERT_TRUE(script.ok()) << script.status().message();
  ASSERT_EQ(script->signature.inputs.size(), 2U);
  EXPECT_EQ(script->signature.inputs[0].name, "A");
  EXPECT_EQ(script->signature.inputs[0].type, DataType::kFp32);
  EXPECT_EQ(script->signature.inputs[0].shape, (Shape{-1, 4}));
  EXPECT_EQ(script->signature.inputs[1].shape, Shape());
  EXPECT_EQ(script->signature.outputs[0].type, DataType::kBytes);
  EXPECT_EQ(script->latency.count(), 100);
  EXPECT_EQ(script->latency_per_row.count(), 5);
  EXPECT_EQ(script->fail_every, 3U);
  EXPECT_EQ(script->fail_message, "out of paper");
  EXPECT_EQ(script->fail_load, "no such weights");
  EXPECT_EQ(script->break_at, 7U);
  EXPECT_EQ(script->break_message, "the device is gone");
  EXPECT_TRUE(script->thread_bound);
  EXPECT_EQ(script->prepare, std::chrono::seconds(6));
  EXPECT_EQ(script->prepare_steps, 3);
  EXPECT_EQ(script->fail_prepare, "no tactic");
  EXPECT_TRUE(script->prepared_differs);
}

TEST(Script, needs_an_input_and_an_output) {
  expect_refused("", "needs an input and an output");
  expect_refused("input A FP32 [1]", "needs an input and an output");
  EXPECT_TRUE(parse_script(kTensors).ok());
}

TEST(Script, names_the_line_of_a_mistake) {
  expect_refused(std::string(kTensors) + "\nlatency 5", "line 4: unknown instruction 'latency'");
  expect_refused("input A FP33 [1]", "line 1: ");
  expect_refused("input A FP32 [1", "expected dimensions");
  expect_refused("input A FP32 [1,,2]", "expected dimensions");
  expect_refused("input A FP32 [1,]", "expected dimensions");
  expect_refused("input A FP32 [-2]", "expected dimensions");
  expect_refused("input A FP32 [1]\ninput A FP32 [1]", "line 2: 'A' stands here twice");
  expect_refused("latency_us -1", "expected latency_us");
  expect_refused("latency_us 1 x", "expected latency_us");
  expect_refused("fail every 0 x", "N at least 1");
  expect_refused("fail every 2", "expected fail every");
  expect_refused("fail_load", "expected fail_load");
  expect_refused("break at 0 x", "expected break at");
  expect_refused("break at 3", "expected break at");
  for (const char* wrong : {"", " 5", " 5 0", " -1 1", " 5 1001", " 5 1 x", " x 1"})
    expect_refused(std::string("prepare_us") + wrong, "expected prepare_us LENGTH STEPS");
  expect_refused("fail_prepare", "expected fail_prepare MESSAGE");
}

TEST(Script, has_limits) {
  expect_refused(std::string(kMaxScriptBytes + 1, '#'), "longer than 65536 bytes");
  std::string many;
  for (std::size_t i = 0; i <= kMaxTensors; ++i) {
    many += "input A" + std::to_string(i) + " FP32 [1]\n";
  }
  expect_refused(many, "line 65: more than 64 tensors");
}

}  // namespace
}  // namespace muster::scripted
