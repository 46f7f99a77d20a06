// SPDX-License-Identifier: Apache-2.0
#include "backends/openvino/options.h"

#include <functional>
#include <map>

#include <gtest/gtest.h>

namespace muster::openvino {
namespace {

using Parameters = std::map<std::string, std::string, std::less<>>;

Result<Options> parse(const Parameters& parameters, int threads = 1, int sessions = 1,
                      std::int64_t max_batch_size = 0) {
  ModelConfig config;
  config.parameters = parameters;
  config.batching.max_batch_size = max_batch_size;
  return parse_options(config, {"model.xml", &config, threads, sessions});
}

void expect_refused(const Parameters& parameters, std::string_view words,
                    std::int64_t max_batch_size = 0) {
  const Result<Options> options = parse(parameters, 1, 1, max_batch_size);
  ASSERT_FALSE(options.ok());
  EXPECT_EQ(options.status().code(), StatusCode::kInvalidArgument);
  EXPECT_NE(options.status().message().find(words), std::string_view::npos)
      << options.status().message();
}

TEST(Options, give_each_session_a_stream_and_its_share_of_the_budget) {
  const Options options = parse({}, 2, 3).value();
  EXPECT_EQ(options.streams, 3);
  EXPECT_EQ(options.threads, 6);
  EXPECT_EQ(parse({{"NUM_STREAMS", "AUTO"}}, 2, 3).value().streams, 3);
  EXPECT_EQ(parse({{"INFERENCE_NUM_THREADS", "0"}}, 2, 3).value().threads, 6);
}

TEST(Options, take_counts_from_the_configuration_first) {
  const Options options =
      parse({{"NUM_STREAMS", "2"}, {"INFERENCE_NUM_THREADS", "4"}}, 1, 3).value();
  EXPECT_EQ(options.streams, 2);
  EXPECT_EQ(options.threads, 4);
  EXPECT_EQ(parse({{"NUM_STREAMS", "4"}}, 1, 1).value().threads, 4);
  // A stream without a thread would be none.
  EXPECT_EQ(parse({{"NUM_STREAMS", "4"}, {"INFERENCE_NUM_THREADS", "1"}}).value().threads, 4);
}

TEST(Options, share_threads_unless_the_model_asks_for_its_own) {
  ModelConfig config;
  ModelSource source{"model.xml", &config, 4};
  EXPECT_TRUE(parse_options(config, source).value().own_threads);
  source.pooled = true;
  EXPECT_FALSE(parse_options(config, source).value().own_threads);
  config.parameters["INFERENCE_NUM_THREADS"] = "0";
  EXPECT_FALSE(parse_options(config, source).value().own_threads);
  config.parameters["INFERENCE_NUM_THREADS"] = "2";
  EXPECT_TRUE(parse_options(config, source).value().own_threads);
}

TEST(Options, compute_as_the_model_says_unless_told) {
  EXPECT_EQ(parse({}).value().precision, Precision::kFp32);
  EXPECT_EQ(parse({{"INFERENCE_PRECISION_HINT", "bf16"}}).value().precision, Precision::kBf16);
  EXPECT_EQ(parse({{"PERFORMANCE_HINT", "THROUGHPUT"}}).value().hint, Hint::kThroughput);
}

TEST(Options, read_fixed_batch_sizes) {
  EXPECT_FALSE(parse({}).value().static_batch_sizes.has_value());
  EXPECT_EQ(parse({{"STATIC_BATCH_SIZES", "none"}}).value().static_batch_sizes,
            std::vector<std::int64_t>());
  EXPECT_EQ(parse({{"STATIC_BATCH_SIZES", "8,1,8"}}).value().static_batch_sizes,
            (std::vector<std::int64_t>{1, 8}));
  for (const char* text : {"", "0", "1,", ",1", "1;2", "65537", "x"})
    expect_refused({{"STATIC_BATCH_SIZES", text}}, "expected none, or up to 64 batch sizes");
  expect_refused({{"STATIC_BATCH_SIZES", "1,9"}}, "has 9, which is more than max_batch_size 8", 8);
}

TEST(Options, refuse_values_out_of_range) {
  expect_refused({{"INFERENCE_NUM_THREADS", "1025"}}, "expected 0 to 1024");
  expect_refused({{"NUM_STREAMS", "0"}}, "expected AUTO");
  expect_refused({{"PERFORMANCE_HINT", "FAST"}}, "expected LATENCY");
  expect_refused({{"INFERENCE_PRECISION_HINT", "int8"}}, "expected f32, f16 or bf16");
  expect_refused({{"ENABLE_CPU_PINNING", "1"}}, "expected YES or NO");
  expect_refused({{"TARGET_DEVICE", "GPU"}}, "expected CPU");
}

TEST(Options, refuse_what_would_load_code_or_write_where_the_model_says) {
  expect_refused({{"CPU_EXTENSION_PATH", "/tmp/evil.so"}}, "no code is loaded");
  expect_refused({{"CACHE_DIR", "/etc"}}, "--compiled-model-cache");
}

TEST(Options, refuse_the_unknown_and_name_what_was_meant) {
  expect_refused({{"NUM_STREAM", "1"}},
                 "parameter 'NUM_STREAM' is unknown to the openvino backend; did you mean "
                 "'NUM_STREAMS'?");
  expect_refused({{"intra_op_thread_count", "1"}}, "docs/backends.md lists");
}

TEST(Options, refuse_padding_and_reshaping_that_miss_what_they_need) {
  expect_refused({{"ENABLE_BATCH_PADDING", "YES"}}, "needs max_batch_size");
  EXPECT_TRUE(parse({{"ENABLE_BATCH_PADDING", "YES"}}, 1, 1, 4).value().pad_batches);
  expect_refused({{"RESHAPE_IO_LAYERS", "YES"}}, "lists no input");
}

TEST(Options, tell_what_changes_nothing) {
  EXPECT_EQ(parse({{"SKIP_OV_DYNAMIC_BATCHSIZE", "YES"}}).value().ignored,
            std::vector<std::string>{"SKIP_OV_DYNAMIC_BATCHSIZE"});
}

}  // namespace
}  // namespace muster::openvino
