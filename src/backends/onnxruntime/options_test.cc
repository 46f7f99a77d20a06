// SPDX-License-Identifier: Apache-2.0
#include "backends/onnxruntime/options.h"

#include <functional>
#include <map>

#include <gtest/gtest.h>

namespace muster::onnxruntime {
namespace {

using Parameters = std::map<std::string, std::string, std::less<>>;

Result<Options> parse(const Parameters& parameters, int threads = 1) {
  ModelConfig config;
  config.parameters = parameters;
  return parse_options(config, threads);
}

Options parsed(const Parameters& parameters, int threads = 1) {
  Result<Options> options = parse(parameters, threads);
  EXPECT_TRUE(options.ok()) << options.status().message();
  return options.ok() ? *options : Options();
}

void expect_refused(const Parameters& parameters, std::string_view words) {
  const Result<Options> options = parse(parameters);
  ASSERT_FALSE(options.ok());
  EXPECT_EQ(options.status().code(), StatusCode::kInvalidArgument);
  EXPECT_NE(options.status().message().find(words), std::string_view::npos)
      << options.status().message();
}

TEST(Options, neither_spin_nor_keep_memory_by_default) {
  const Options options = parsed({});
  EXPECT_FALSE(options.intra_op_spinning);
  EXPECT_FALSE(options.inter_op_spinning);
  EXPECT_TRUE(options.arena);
  EXPECT_TRUE(options.shrink_arena);
  EXPECT_TRUE(options.memory_pattern);
  EXPECT_FALSE(options.parallel);
  EXPECT_EQ(options.graph_level, GraphLevel::kAll);
}

TEST(Options, take_threads_from_the_budget_unless_told) {
  EXPECT_EQ(parsed({}, 4).intra_op_threads, 4);
  EXPECT_EQ(parsed({}, 4).inter_op_threads, 1);
  EXPECT_EQ(parsed({}, 0).intra_op_threads, 1);
  EXPECT_EQ(parsed({{"intra_op_thread_count", "0"}}, 4).intra_op_threads, 4);
  EXPECT_EQ(parsed({{"intra_op_thread_count", "2"}}, 4).intra_op_threads, 2);
  EXPECT_EQ(parsed({{"execution_mode", "1"}}, 4).inter_op_threads, 4);
  EXPECT_EQ(parsed({{"execution_mode", "1"}, {"inter_op_thread_count", "3"}}).inter_op_threads, 3);
}

TEST(Options, share_the_pool_unless_the_model_asks_for_threads_of_its_own) {
  const auto own_pool = [](const Parameters& parameters, int threads) {
    ModelConfig config;
    config.parameters = parameters;
    return parse_options(config, threads, true).value().own_pool;
  };
  EXPECT_FALSE(own_pool({}, 4));
  EXPECT_FALSE(own_pool({{"intra_op_thread_count", "0"}}, 4));
  EXPECT_FALSE(own_pool({{"session.intra_op.allow_spinning", "0"}}, 4));
  EXPECT_TRUE(own_pool({}, 1));
  EXPECT_TRUE(own_pool({{"intra_op_thread_count", "4"}}, 4));
  EXPECT_TRUE(own_pool({{"execution_mode", "1"}}, 4));
  EXPECT_TRUE(own_pool({{"session.intra_op.allow_spinning", "1"}}, 4));
  EXPECT_TRUE(own_pool({{"session.inter_op.allow_spinning", "1"}}, 4));
  EXPECT_TRUE(own_pool({{"session.set_denormal_as_zero", "1"}}, 4));
  EXPECT_TRUE(parsed({}, 4).own_pool);
}

TEST(Options, read_the_graph_level_as_triton_does) {
  EXPECT_EQ(parsed({{"session.graph_level", "0"}}).graph_level, GraphLevel::kAll);
  EXPECT_EQ(parsed({{"session.graph_level", "-1"}}).graph_level, GraphLevel::kBasic);
  EXPECT_EQ(parsed({{"session.graph_level", "1"}}).graph_level, GraphLevel::kExtended);
  EXPECT_EQ(parsed({{"session.graph_level", "2"}}).graph_level, GraphLevel::kDisabled);
}

TEST(Options, read_every_flag) {
  const Options options = parsed({{"enable_mem_pattern", "0"},
                                  {"memory.enable_memory_arena_shrinkage", "off"},
                                  {"arena_extend_strategy", "1"},
                                  {"session.use_device_allocator_for_initializers", "1"},
                                  {"session.intra_op.allow_spinning", "1"},
                                  {"session.inter_op.allow_spinning", "1"},
                                  {"session.set_denormal_as_zero", "1"},
                                  {"session.disable_prepacking", "1"}});
  EXPECT_FALSE(options.memory_pattern);
  EXPECT_FALSE(options.shrink_arena);
  EXPECT_TRUE(options.arena_extends_as_requested);
  EXPECT_TRUE(options.device_allocator_for_weights);
  EXPECT_TRUE(options.intra_op_spinning);
  EXPECT_TRUE(options.inter_op_spinning);
  EXPECT_TRUE(options.denormals_as_zero);
  EXPECT_FALSE(options.prepacking);
}

TEST(Options, do_not_shrink_an_arena_that_is_switched_off) {
  const Options options = parsed({{"enable_mem_arena", "0"}});
  EXPECT_FALSE(options.arena);
  EXPECT_FALSE(options.shrink_arena);
}

TEST(Options, name_parameters_that_only_a_gpu_would_use) {
  EXPECT_EQ(parsed({{"gpu_mem_limit", "1"}, {"cudnn_conv_algo_search", "0"}}).ignored,
            (std::vector<std::string>{"cudnn_conv_algo_search", "gpu_mem_limit"}));
}

TEST(Options, refuse_unknown_names_and_say_the_nearest) {
  expect_refused({{"intra_op_threads_count", "1"}}, "did you mean 'intra_op_thread_count'");
  expect_refused({{"op_library_filename", "evil.so"}},
                 "parameter 'op_library_filename' is unknown");
  expect_refused({{"x\ny", "1"}}, "x\\");
}

TEST(Options, name_the_place_of_a_mistake) {
  ModelConfig config;
  config.config_file = "models/m/config.pbtxt";
  config.parameters["execution_mode"] = "2";
  config.parameter_lines["execution_mode"] = 12;
  EXPECT_EQ(parse_options(config, 1).status().message(),
            "models/m/config.pbtxt:12: parameter 'execution_mode' is '2'; expected 0 (sequential) "
            "or 1 (parallel)");
}

TEST(Options, refuse_values_out_of_range) {
  expect_refused({{"intra_op_thread_count", "-1"}}, "expected 0 to 1024");
  expect_refused({{"intra_op_thread_count", "99999999999"}}, "expected 0 to 1024");
  expect_refused({{"execution_mode", "parallel"}}, "expected 0 (sequential)");
  expect_refused({{"session.graph_level", "3"}}, "expected 0 (all)");
  expect_refused({{"enable_mem_arena", "true"}}, "expected 0 or 1");
  expect_refused({{"memory.enable_memory_arena_shrinkage", "gpu:0"}}, "expected cpu:0");
}

TEST(Options, refuse_contradictions) {
  expect_refused({{"enable_mem_arena", "0"}, {"memory.enable_memory_arena_shrinkage", "cpu:0"}},
                 "no arena");
  expect_refused({{"enable_mem_arena", "0"}, {"arena_extend_strategy", "0"}}, "no arena");
}

}  // namespace
}  // namespace muster::onnxruntime
