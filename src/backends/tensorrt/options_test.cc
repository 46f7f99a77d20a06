// SPDX-License-Identifier: Apache-2.0
#include "backends/tensorrt/options.h"

#include <functional>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace muster::tensorrt {
namespace {

using Parameters = std::map<std::string, std::string, std::less<>>;

Result<Options> parse(const Parameters& parameters, std::int64_t max_batch_size = 0) {
  ModelConfig config;
  config.parameters = parameters;
  config.batching.max_batch_size = max_batch_size;
  return parse_options(config, {"model.onnx", &config});
}

void expect_refused(const Parameters& parameters, std::string_view words) {
  const Result<Options> options = parse(parameters);
  ASSERT_FALSE(options.ok());
  EXPECT_EQ(options.status().code(), StatusCode::kInvalidArgument);
  EXPECT_NE(options.status().message().find(words), std::string_view::npos)
      << options.status().message();
}

TEST(TensorRtOptions, are_the_documented_ones_by_default) {
  const Options options = parse({}).value();
  EXPECT_EQ(options.build.precision, Precision::kTf32);
  EXPECT_EQ(options.build.workspace_bytes, std::uint64_t{1} << 30);
  EXPECT_EQ(options.build.level, 3);
  EXPECT_FALSE(options.build.pixels.has_value());
  EXPECT_EQ(options.run.device, 0);
  EXPECT_EQ(options.run.lanes, 0);
  EXPECT_EQ(options.run.order, ComputeOrder::kTurns);
  EXPECT_EQ(options.run.compute_turns, 1);
  EXPECT_EQ(options.run.compute_turn_bytes, std::uint64_t{1} << 20);
  EXPECT_EQ(options.run.wait, WaitChoice::kAuto);
  EXPECT_TRUE(options.run.graphs);
  EXPECT_TRUE(options.run.graph_batch_sizes.empty());
  EXPECT_EQ(options.run.context_max_age.count(), 0);
  EXPECT_EQ(options.run.context_max_requests, 0U);
}

TEST(TensorRtOptions, read_every_parameter) {
  const Options options = parse({{"device", "2"},
                                 {"precision", "bf16"},
                                 {"workspace", "512MiB"},
                                 {"builder_optimization_level", "5"},
                                 {"lanes", "4"},
                                 {"compute_order", "ordered"},
                                 {"compute_turns", "3"},
                                 {"compute_turn_bytes", "64K"},
                                 {"wait", "spin"},
                                 {"graphs", "false"},
                                 {"graph_batch_sizes", "8,1,8"},
                                 {"context_max_age", "6h"},
                                 {"context_max_requests", "1000000"}})
                              .value();
  EXPECT_EQ(options.build.precision, Precision::kBf16);
  EXPECT_EQ(options.build.workspace_bytes, std::uint64_t{512} << 20);
  EXPECT_EQ(options.build.level, 5);
  EXPECT_EQ(options.run.device, 2);
  EXPECT_EQ(options.run.lanes, 4);
  EXPECT_EQ(options.run.order, ComputeOrder::kOrdered);
  EXPECT_EQ(options.run.compute_turns, 3);
  EXPECT_EQ(options.run.compute_turn_bytes, std::uint64_t{64} << 10);
  EXPECT_EQ(options.run.wait, WaitChoice::kSpin);
  EXPECT_FALSE(options.run.graphs);
  EXPECT_EQ(options.run.graph_batch_sizes, (std::vector<std::int64_t>{1, 8}));
  EXPECT_EQ(options.run.context_max_age, std::chrono::hours(6));
  EXPECT_EQ(options.run.context_max_requests, 1000000U);
}

TEST(TensorRtOptions, take_precisions_by_the_names_of_both_worlds) {
  for (const auto& [text, precision] : std::map<std::string, Precision>{{"fp32", Precision::kFp32},
                                                                        {"f32", Precision::kFp32},
                                                                        {"tf32", Precision::kTf32},
                                                                        {"f16", Precision::kFp16},
                                                                        {"int8", Precision::kInt8}})
    EXPECT_EQ(parse({{"precision", text}}).value().build.precision, precision) << text;
  EXPECT_EQ(arithmetic_name(precision_name(Precision::kFp16)), "f16");
  EXPECT_EQ(arithmetic_name(precision_name(Precision::kFp32)), "f32");
  EXPECT_EQ(arithmetic_name(precision_name(Precision::kBf16)), "bf16");
  EXPECT_EQ(arithmetic_name(""), "");
}

TEST(TensorRtOptions, read_sizes_of_memory) {
  for (const auto& [text, bytes] :
       std::map<std::string, std::uint64_t>{{"1048576", std::uint64_t{1} << 20},
                                            {"1024K", std::uint64_t{1} << 20},
                                            {"1024KiB", std::uint64_t{1} << 20},
                                            {"1G", std::uint64_t{1} << 30},
                                            {"1024G", std::uint64_t{1} << 40}})
    EXPECT_EQ(parse({{"workspace", text}}).value().build.workspace_bytes, bytes) << text;
  for (const char* text : {"", "G", "0", "-1G", "1T", "1.5G", "1023K", "1048575", "1025G",
                           "9223372036854775807G", "99999999999999999999"})
    expect_refused({{"workspace", text}}, "expected bytes from 1M to 1024G");
}

TEST(TensorRtOptions, read_times) {
  for (const auto& [text, seconds] : std::map<std::string, int>{
           {"0", 0}, {"90", 90}, {"90s", 90}, {"30m", 1800}, {"6h", 21600}, {"366m", 21960}})
    EXPECT_EQ(parse({{"context_max_age", text}}).value().run.context_max_age.count(), seconds);
  for (const char* text : {"", "s", "-1", "1d", "1 h", "8785h", "9223372036854775807h"})
    expect_refused({{"context_max_age", text}}, "or a time, as in 90s");
}

TEST(TensorRtOptions, make_a_profile_of_the_batch_sizes_where_none_is_said) {
  EXPECT_EQ(profiles_text(parse({}, 128).value().build.profiles), "1:128:128");
  EXPECT_EQ(profiles_text(parse({}).value().build.profiles), "1:64:64");
  const Parameters two = {{"profiles", "1:4:4;5:16:32"}};
  EXPECT_EQ(profiles_text(parse(two, 128).value().build.profiles), "1:4:4;5:16:32");
  expect_refused({{"profiles", "8:4:1"}}, "parameter 'profiles'");
}

TEST(TensorRtOptions, take_the_scaling_of_pixels_and_refuse_what_is_none) {
  ModelConfig config;
  ModelSource source{"model.onnx", &config};
  source.pixels = PixelScaling{1.0 / 255.0, {0.485, 0.456, 0.406}, {0.229, 0.224, 0.225}};
  EXPECT_EQ(parse_options(config, source).value().build.pixels->std.size(), 3U);
  source.pixels->std[1] = 0;
  EXPECT_FALSE(parse_options(config, source).ok());
  source.pixels = PixelScaling{std::numeric_limits<double>::infinity()};
  EXPECT_FALSE(parse_options(config, source).ok());
  source.pixels = PixelScaling{1, {}, {1}};
  EXPECT_FALSE(parse_options(config, source).ok());
  source.pixels = PixelScaling{1, std::vector<double>(5, 0.0), {1}};
  EXPECT_FALSE(parse_options(config, source).ok());
}

TEST(TensorRtOptions, refuse_values_out_of_range) {
  expect_refused({{"device", "64"}}, "expected the number of a GPU");
  expect_refused({{"device", "-1"}}, "expected the number of a GPU");
  expect_refused({{"precision", "fp8"}}, "expected fp32, tf32, fp16, bf16 or int8");
  expect_refused({{"builder_optimization_level", "6"}}, "expected 0 to 5");
  expect_refused({{"lanes", "0"}}, "expected 1 to 16");
  expect_refused({{"lanes", "17"}}, "expected 1 to 16");
  expect_refused({{"compute_order", "parallel"}}, "expected turns, concurrent or ordered");
  expect_refused({{"compute_turns", "0"}}, "expected 1 to 16");
  expect_refused({{"compute_turns", "17"}}, "expected 1 to 16");
  for (const char* text : {"", "-1", "1T", "1025G"})
    expect_refused({{"compute_turn_bytes", text}}, "expected bytes up to 1024G");
  expect_refused({{"wait", "poll"}}, "expected auto, spin or block");
  expect_refused({{"graphs", "on"}}, "expected true or false");
  for (const char* text : {"", "0", "1,", ",1", "65537"})
    expect_refused({{"graph_batch_sizes", text}}, "expected up to 512 batch sizes");
  expect_refused({{"context_max_requests", "-1"}}, "a number of batches");
  std::string many = "1";
  for (std::size_t i = 0; i < kMaxGraphs; ++i)
    many += ",1";
  expect_refused({{"graph_batch_sizes", many}}, "expected up to 512 batch sizes");
}

TEST(TensorRtOptions, refuse_the_unknown_and_name_what_was_meant) {
  expect_refused({{"lane", "1"}},
                 "parameter 'lane' is unknown to the tensorrt backend; did you mean 'lanes'?");
  expect_refused({{"profile", "1:2:3"}}, "did you mean 'profiles'?");
  expect_refused({{"intra_op_thread_count", "1"}}, "docs/backends.md lists");
  expect_refused({{"plugins", "/tmp/evil.so"}}, "no code is loaded");
  expect_refused({{"CACHE_DIR", "/etc"}}, "--compiled-model-cache");
}

}  // namespace
}  // namespace muster::tensorrt
