// SPDX-License-Identifier: Apache-2.0
#include "serving/compile_model.h"

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "serving/testing/model_directory.h"

namespace muster {
namespace {

using testing::ModelDirectory;

// Notes what it is asked to compile.
class CompilingBackend final : public Backend {
 public:
  [[nodiscard]] std::string_view name() const override { return "compiling"; }
  [[nodiscard]] std::string version() const override { return "Compiling 1"; }
  [[nodiscard]] Result<std::shared_ptr<const CompiledModel>> load(const ModelSource&) override {
    return unimplemented("it loads nothing");
  }
  [[nodiscard]] Result<CompiledFile> compile(const ModelSource& source, const std::string& output,
                                             CompileListener& listener) override {
    file = source.file;
    parameters = source.config->parameters;
    cache = source.compiled_cache;
    pixels = source.pixels;
    if (!listener.on_progress({"one", 0.5, {}}))
      return Status(StatusCode::kCancelled, "it was stopped");
    return CompiledFile{output, 7, std::chrono::milliseconds(1), "made"};
  }

  std::string file;
  std::map<std::string, std::string, std::less<>> parameters;
  std::string cache;
  std::optional<PixelScaling> pixels;
};

struct Listener final : CompileListener {
  explicit Listener(bool go_on) : answer(go_on) {}
  bool on_progress(const CompileProgress& progress) override {
    last = progress;
    return answer;
  }
  const bool answer;
  CompileProgress last;
};

Result<CompilePlan> planned(const ModelDirectory& model, const CompileOptions& options = {}) {
  const auto folder = ModelFolder::open(model.path());
  if (!folder.ok()) return folder.status();
  return plan_compile(*folder, options);
}

TEST(CompileModel, takes_the_onnx_file_also_where_an_engine_lies_beside_it) {
  const ModelDirectory model;
  model.write("config.pbtxt", "backend: \"tensorrt\"\n");
  model.write("1/model.onnx", "a model");
  EXPECT_EQ(planned(model).value().file, model / "1/model.onnx");
  model.write("1/model.plan", "an engine");
  EXPECT_EQ(planned(model).value().file, model / "1/model.onnx");
}

TEST(CompileModel, refuses_a_model_without_an_onnx_file) {
  const ModelDirectory model;
  model.write("config.pbtxt", "backend: \"tensorrt\"\n");
  model.write("1/model.plan", "an engine");
  const auto plan = planned(model);
  ASSERT_FALSE(plan.ok());
  EXPECT_EQ(plan.status().code(), StatusCode::kFailedPrecondition);
  EXPECT_NE(plan.status().message().find("model.onnx"), std::string_view::npos);
}

TEST(CompileModel, puts_its_own_parameters_above_those_of_the_same_backend) {
  const ModelDirectory model;
  model.write("config.pbtxt",
              "backend: \"tensorrt\"\n"
              "parameters { key: \"precision\" value { string_value: \"fp16\" } }\n"
              "parameters { key: \"lanes\" value { string_value: \"2\" } }\n");
  model.write("1/model.onnx", "a model");
  CompileOptions options;
  options.parameters["precision"] = "bf16";
  const ModelConfig config = planned(model, options).value().config;
  EXPECT_EQ(config.parameters.find("precision")->second, "bf16");
  EXPECT_EQ(config.parameters.find("lanes")->second, "2");
  // A message about it does not name the line of what it stands above.
  EXPECT_EQ(config.parameter_place("precision"), "parameter 'precision'");
}

TEST(CompileModel, leaves_parameters_of_another_backend_out) {
  const ModelDirectory model;
  model.write("config.pbtxt",
              "parameters { key: \"intra_op_thread_count\" value { string_value: \"2\" } }\n");
  model.write("1/model.onnx", "a model");
  EXPECT_TRUE(planned(model).value().config.parameters.empty());
}

TEST(CompileModel, gives_the_backend_all_that_decides_what_comes_out) {
  const ModelDirectory model;
  model.write("config.pbtxt",
              "max_batch_size: 8\n"
              "input { name: \"x\" data_type: TYPE_UINT8 dims: [ 3, 8, 8 ] }\n"
              "parameters { key: \"image.scale\" value { string_value: \"0.5\" } }\n");
  model.write("1/model.onnx", "a model");
  CompilingBackend backend;
  CompileOptions options;
  options.compiled_cache = "/cache";
  options.output = "out.plan";
  Listener listener(true);
  const auto made = compile_with(backend, planned(model, options).value(), options, listener);
  ASSERT_TRUE(made.ok());
  EXPECT_EQ(made->file, "out.plan");
  EXPECT_EQ(backend.file, model / "1/model.onnx");
  EXPECT_EQ(backend.cache, "/cache");
  ASSERT_TRUE(backend.pixels.has_value());
  EXPECT_EQ(backend.pixels->scale, 0.5);
  EXPECT_EQ(listener.last.phase, "one");
}

TEST(CompileModel, ends_where_the_listener_says_so) {
  const ModelDirectory model;
  model.write("1/model.onnx", "a model");
  CompilingBackend backend;
  Listener listener(false);
  const auto made = compile_with(backend, planned(model).value(), {}, listener);
  EXPECT_EQ(made.status().code(), StatusCode::kCancelled);
}

TEST(CompileModel, wants_a_place_for_what_it_makes) {
  const ModelDirectory model;
  model.write("1/model.onnx", "a model");
  Listener listener(true);
  EXPECT_EQ(compile_model(model.path(), {}, listener).status().code(),
            StatusCode::kInvalidArgument);
  CompileOptions options;
  options.output = model / "1/model.plan";
  options.backend = "not_there";
  const auto missing = compile_model(model.path(), options, listener);
  EXPECT_EQ(missing.status().code(), StatusCode::kFailedPrecondition);
  EXPECT_FALSE(std::filesystem::exists(options.output));
}

}  // namespace
}  // namespace muster
