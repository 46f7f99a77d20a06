// SPDX-License-Identifier: Apache-2.0
#include "backends/onnxruntime/providers.h"

#include <initializer_list>
#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "inference/testing/loaded_model.h"
#include "onnx/testing/onnx_file.h"

namespace muster::onnxruntime {
namespace {

using namespace onnx;

ModelConfig with_accelerator(std::string name,
                             std::map<std::string, std::string, std::less<>> parameters = {}) {
  ModelConfig config;
  config.config_file = "m/config.pbtxt";
  config.accelerators.push_back({std::move(name), std::move(parameters), false, 7});
  return config;
}

void expect_refused(const ModelConfig& config, std::string_view words) {
  const auto parameters = provider_parameters(config, config.accelerators[0], 2);
  ASSERT_FALSE(parameters.ok());
  EXPECT_EQ(parameters.status().code(), StatusCode::kInvalidArgument);
  EXPECT_NE(parameters.status().message().find(words), std::string_view::npos)
      << parameters.status().message();
}

TEST(Providers, take_triton_s_parameters_under_the_runtime_s_names) {
  const ModelConfig config = with_accelerator(
      "tensorrt", {{"precision_mode", "FP16"}, {"max_workspace_size_bytes", "1073741824"}});
  EXPECT_EQ(
      provider_parameters(config, config.accelerators[0], 1).value(),
      (ProviderParameters{{"trt_fp16_enable", "1"}, {"trt_max_workspace_size", "1073741824"}}));
  const ModelConfig cuda = with_accelerator("cuda", {{"cudnn_conv_algo_search", "1"}});
  EXPECT_EQ(provider_parameters(cuda, cuda.accelerators[0], 1).value(),
            (ProviderParameters{{"cudnn_conv_algo_search", "HEURISTIC"}}));
}

TEST(Providers, are_not_told_of_what_is_for_muster) {
  const ModelConfig config =
      with_accelerator("cuda", {{"cuda_graphs", "8"}, {"enable_cuda_graph", "true"}});
  EXPECT_EQ(provider_parameters(config, config.accelerators[0], 1).value(),
            (ProviderParameters{{"enable_cuda_graph", "1"}}));
  expect_refused(with_accelerator("tensorrt", {{"cuda_graphs", "many"}}),
                 "a number of CUDA graphs");
}

TEST(Providers, get_their_threads_from_the_budget) {
  const ModelConfig config = with_accelerator("openvino");
  EXPECT_EQ(provider_parameters(config, config.accelerators[0], 3).value(),
            (ProviderParameters{{"device_type", "CPU"}, {"num_of_threads", "3"}}));
}

TEST(Providers, refuse_what_they_do_not_take) {
  expect_refused(with_accelerator("tensorrt", {{"precision_mod", "FP16"}}),
                 "m/config.pbtxt:7: execution accelerator 'tensorrt' has no parameter "
                 "'precision_mod'; did you mean 'precision_mode'?");
  expect_refused(with_accelerator("tensorrt", {{"precision_mode", "INT4"}}),
                 "is 'INT4'; expected FP32 or FP16");
  expect_refused(with_accelerator("tensorrt", {{"trt_engine_cache_enable", "1"}}),
                 "each other's engines");
  expect_refused(with_accelerator("openvino", {{"cache_dir", "/tmp"}}), "has no parameter");
  expect_refused(with_accelerator("cuda", {{"device_id", "-1"}}), "expected a number");
}

TEST(Providers, that_cannot_be_had_are_told_with_what_to_install) {
  const std::string file = test_model("no_batch.onnx");
  const std::string error = load_error(file, with_accelerator("tensorrt"));
  EXPECT_NE(error.find("m/config.pbtxt:7: execution accelerator 'tensorrt' cannot be had"),
            std::string::npos)
      << error;
  EXPECT_NE(error.find("onnxruntime-gpu"), std::string::npos) << error;
}

TEST(Providers, that_nobody_knows_are_refused) {
  const std::string error = load_error(test_model("no_batch.onnx"), with_accelerator("openvno"));
  EXPECT_NE(error.find("none that Muster knows (openvino, cuda, tensorrt)"), std::string::npos)
      << error;
}

TEST(Providers, of_a_plugin_come_from_the_server_alone) {
  const TemporaryFolder folder;
  const ModelConfig config = with_accelerator("mine", {{"any", "thing"}});
  EXPECT_EQ(provider_parameters(config, config.accelerators[0], 1).value(),
            (ProviderParameters{{"any", "thing"}}));
  ModelSource source{test_model("no_batch.onnx"), &config, 1, 1, {}};
  source.accelerator_libraries["mine"] = folder.write("plugin.so", "no library");
  const auto loaded = backend_under_test()->load(source);
  ASSERT_FALSE(loaded.ok());
  EXPECT_EQ(loaded.status().code(), StatusCode::kFailedPrecondition);
  EXPECT_NE(loaded.status().message().find("'mine' cannot be had"), std::string_view::npos)
      << loaded.status().message();
}

#if ORT_API_VERSION >= 23
using Libraries = std::map<std::string, std::string, std::less<>>;

std::string plugin_file(const std::string& name) {
  return MUSTER_TEST_PLUGINS + name + ".so";
}

Libraries test_plugins() {
  return {{"breaks", plugin_file("breaks")}, {"idles", plugin_file("idles")}};
}

// A load with these of the plugins in testing/plugin.cc, in this order.
struct PluginLoad {
  explicit PluginLoad(std::initializer_list<const char*> names,
                      const std::string& file = test_model("no_batch.onnx"),
                      const Libraries& libraries = test_plugins()) {
    ModelConfig config;
    for (const char* name : names)
      config.accelerators.push_back({name, {}, false, 0});
    ModelSource source{file, &config, 1, 1, {}};
    source.accelerator_libraries = libraries;
    testing::internal::CaptureStderr();
    const auto loaded = backend->load(source);
    log = testing::internal::GetCapturedStderr();
    if (loaded.ok()) model = *loaded;
    if (!loaded.ok()) error = loaded.status().to_string();
  }

  std::unique_ptr<Backend> backend = backend_under_test();
  std::shared_ptr<const CompiledModel> model;
  std::string log;
  std::string error;
};

constexpr std::string_view kBroken =
    "execution accelerator 'breaks' cannot be had: no session can be made with it: ";

TEST(Providers, that_break_the_session_are_left_out_for_the_next_in_the_list) {
  for (const auto& [first, second] : {std::pair("breaks", "idles"), std::pair("idles", "breaks")}) {
    const PluginLoad load({first, second});
    ASSERT_NE(load.model, nullptr) << load.error;
    EXPECT_EQ(load.model->accelerators(), "idles");
    EXPECT_NE(load.log.find(kBroken), std::string::npos) << load.log;
    EXPECT_NE(load.log.find("the device is on fire"), std::string::npos) << load.log;
    EXPECT_TRUE(load.model->new_session().ok());
  }
}

TEST(Providers, that_break_the_session_end_the_load_where_there_is_no_other) {
  const PluginLoad load({"breaks"});
  EXPECT_EQ(load.error.find("FAILED_PRECONDITION: "), 0U) << load.error;
  EXPECT_NE(load.error.find(kBroken), std::string::npos) << load.error;
  EXPECT_NE(load.error.find("the device is on fire"), std::string::npos) << load.error;
}

TEST(Providers, of_one_library_serve_every_backend_of_the_process) {
  auto first = std::make_unique<PluginLoad>(std::initializer_list<const char*>{"idles"});
  ASSERT_NE(first->model, nullptr) << first->error;
  const PluginLoad second({"idles"});
  ASSERT_NE(second.model, nullptr) << second.error;
  EXPECT_EQ(second.model->accelerators(), "idles");
  EXPECT_EQ(second.log.find("cannot be had"), std::string::npos) << second.log;
  // By another name as well, and when the one that opened it is gone.
  first.reset();
  const PluginLoad renamed({"mine"}, test_model("no_batch.onnx"), {{"mine", plugin_file("idles")}});
  ASSERT_NE(renamed.model, nullptr) << renamed.error;
  EXPECT_TRUE(second.model->new_session().ok());
  EXPECT_TRUE(renamed.model->new_session().ok());
}

TEST(Providers, of_two_libraries_cannot_have_one_name_in_a_process) {
  const PluginLoad first({"idles"});
  ASSERT_NE(first.model, nullptr) << first.error;
  const PluginLoad second({"idles"}, test_model("no_batch.onnx"),
                          {{"idles", plugin_file("breaks")}});
  EXPECT_NE(second.error.find("the name 'idles' stands for another library in this process "
                              "already: give " +
                              plugin_file("breaks") + " a name of its own"),
            std::string::npos)
      << second.error;
}

TEST(Providers, are_not_to_blame_for_a_model_that_does_not_load_without_them) {
  for (const char* name : {"breaks", "idles"}) {
    const PluginLoad load({name}, test_model("unknown_op.onnx"));
    EXPECT_NE(load.error.find("com.example"), std::string::npos) << load.error;
    EXPECT_EQ(load.error.find("cannot be had"), std::string::npos) << load.error;
  }
}
#endif

TEST(Providers, that_failed_are_told_with_reason_and_package) {
  const ModelConfig config = with_accelerator("cuda");
  EXPECT_EQ(failure_lines({config, {}, 1}, {{"cuda", "no device"}}),
            (std::vector<std::string>{
                "m/config.pbtxt:7: execution accelerator 'cuda' cannot be had: no device; install "
                "an ONNX Runtime for GPUs (the Python package onnxruntime-gpu holds one) and "
                "CUDA"}));
}

}  // namespace
}  // namespace muster::onnxruntime
