// SPDX-License-Identifier: Apache-2.0
#include <filesystem>

#include <gtest/gtest.h>

#include "inference/testing/loaded_model.h"
#include "onnx/testing/onnx_file.h"

namespace muster::onnxruntime {
namespace {

using namespace onnx;

void expect_refused(const std::string& file, std::string_view words,
                    std::string_view code = "INVALID_ARGUMENT") {
  const std::string error = load_error(file);
  EXPECT_EQ(error.find(std::string(code) + ": " + file + ": "), 0U) << error;
  EXPECT_NE(error.find(words), std::string::npos) << error;
  EXPECT_EQ(error.find('\n'), std::string::npos) << error;
  EXPECT_EQ(error.find("onnxruntime_src"), std::string::npos) << error;
}

TEST(Load, describes_inputs_and_outputs_as_the_file_has_them) {
  const LoadedModel loaded(test_model("two_in_two_out.onnx"));
  ASSERT_NE(loaded.model, nullptr);
  const ModelSignature& signature = loaded.model->signature();
  ASSERT_EQ(signature.inputs.size(), 2U);
  EXPECT_EQ(signature.inputs[0].name, "a");
  EXPECT_EQ(signature.inputs[0].type, DataType::kFp32);
  EXPECT_EQ(signature.inputs[0].shape, (Shape{-1, 2}));
  EXPECT_EQ(signature.inputs[0].dim_names, (std::vector<std::string>{"batch", ""}));
  EXPECT_EQ(signature.inputs[1].type, DataType::kInt64);
  ASSERT_EQ(signature.outputs.size(), 2U);
  EXPECT_EQ(signature.outputs[1].name, "product");
  EXPECT_EQ(signature.outputs[1].shape, (Shape{-1, 2, 3}));
  EXPECT_FALSE(loaded.model->sessions_are_thread_bound());
}

TEST(Load, names_no_dimensions_where_all_are_fixed) {
  const LoadedModel loaded(test_model("no_batch.onnx"));
  EXPECT_EQ(loaded.model->signature().inputs[0].shape, Shape{3});
  EXPECT_TRUE(loaded.model->signature().inputs[0].dim_names.empty());
}

TEST(Load, tells_name_and_version) {
  const std::unique_ptr<Backend> backend = backend_under_test();
  EXPECT_EQ(backend->name(), "onnxruntime");
  EXPECT_EQ(backend->version().find("ONNX Runtime 1."), 0U);
}

TEST(Load, refuses_what_is_no_onnx_file) {
  expect_refused(test_model("empty.onnx"), "not an ONNX model (the file is empty)");
  expect_refused(test_model("corrupt.onnx"), "not an ONNX model (");
  expect_refused(test_model("not_onnx.onnx"), "not an ONNX model (");
  expect_refused(MUSTER_SOURCE_DIR "/tests", "not an ONNX model (it is no regular file)");
  expect_refused("/nonexistent/model.onnx", "cannot be opened", "NOT_FOUND");
}

TEST(Load, reads_external_weights_beside_the_model) {
  LoadedModel loaded(test_model("external_ok/model.onnx"));
  ASSERT_TRUE(loaded.set<float>(0, {1, 4}, {0, 0, 0, 10}).ok());
  ASSERT_TRUE(loaded.session->run().ok());
  EXPECT_EQ(loaded.get<float>(0), (std::vector<float>{1, 2, 3, 14}));
}

TEST(Load, refuses_external_weights_outside_the_folder) {
  for (const char* name : {"external_escape/model.onnx", "external_in_subgraph/model.onnx",
                           "external_in_constant/model.onnx", "external_symlink/model.onnx"}) {
    expect_refused(test_model(name), "leads outside the model's folder");
  }
  expect_refused(test_model("external_absolute.onnx"), "is absolute");
  expect_refused(test_model("external_missing.onnx"), "does not exist");
}

TEST(Load, refuses_types_that_are_no_tensors) {
  expect_refused(test_model("sequence_input.onnx"), "input 'input' is a sequence", "UNIMPLEMENTED");
}

TEST(Load, refuses_element_types_that_it_does_not_carry) {
  const TemporaryFolder folder;
  constexpr std::uint64_t kFloat8 = 17;
  const std::string graph = one_node_graph(node("Cast", {"x"}, "y", int_attribute("to", kFloat8)),
                                           value_info("y", kFloat8, {"N", "2"}));
  expect_refused(folder.write("model.onnx", model(graph, 19, 9)),
                 "output 'y' is of type FLOAT8E4M3FN", "UNIMPLEMENTED");
}

TEST(Load, refuses_operators_that_only_a_custom_library_would_have) {
  expect_refused(test_model("unknown_op.onnx"), "com.example:Foo");
}

TEST(Load, says_which_operator_set_is_too_new) {
  const TemporaryFolder folder;
  const std::string graph =
      one_node_graph(node("Relu", {"x"}, "y"), value_info("y", 1, {"N", "2"}));
  const std::string file = folder.write("model.onnx", model(graph, 999));
  expect_refused(file, "it needs operator set 999 of ai.onnx, and ONNX Runtime 1.");
  expect_refused(file, "export it for an older one");
}

TEST(Load, says_when_the_file_format_is_too_new) {
  const TemporaryFolder folder;
  const std::string graph =
      one_node_graph(node("Relu", {"x"}, "y"), value_info("y", 1, {"N", "2"}));
  expect_refused(folder.write("model.onnx", model(graph, 17, 99)),
                 "Unsupported model IR version: 99");
}

TEST(Load, refuses_a_graph_that_does_not_fit_together) {
  const TemporaryFolder folder;
  const std::string graph =
      one_node_graph(node("Relu", {"nowhere"}, "y"), value_info("y", 1, {"N", "2"}));
  expect_refused(folder.write("model.onnx", model(graph)), "'nowhere'");
}

TEST(Load, refuses_unknown_parameters) {
  ModelConfig config;
  config.parameters["enable_memarena"] = "1";
  const std::string file = test_model("no_batch.onnx");
  EXPECT_EQ(load_error(file, config),
            "INVALID_ARGUMENT: " + file +
                ": parameter 'enable_memarena' is unknown to the onnxruntime backend; did you mean "
                "'enable_mem_arena'?");
  config.config_file = "config.pbtxt";
  EXPECT_EQ(load_error(file, config).find("INVALID_ARGUMENT: parameter 'enable_memarena'"), 0U);
}

TEST(Load, names_the_backend_of_a_file_of_openvino) {
  const TemporaryFolder folder;
  const std::string file = folder.write("model.xml", "<?xml version=\"1.0\"?><net/>");
  EXPECT_EQ(load_error(file),
            "INVALID_ARGUMENT: " + file +
                ": it is a model of OpenVINO (.xml with .bin), and the onnxruntime backend reads "
                "ONNX files; lay the same model beside it as model.onnx, or name the backend "
                "openvino");
}

TEST(Load, works_with_every_parameter_at_its_other_value) {
  ModelConfig config;
  config.parameters = {{"intra_op_thread_count", "2"},
                       {"inter_op_thread_count", "2"},
                       {"execution_mode", "1"},
                       {"session.graph_level", "2"},
                       {"enable_mem_pattern", "0"},
                       {"memory.enable_memory_arena_shrinkage", "off"},
                       {"arena_extend_strategy", "1"},
                       {"session.use_device_allocator_for_initializers", "1"},
                       {"session.intra_op.allow_spinning", "1"},
                       {"session.inter_op.allow_spinning", "1"},
                       {"session.set_denormal_as_zero", "1"},
                       {"session.disable_prepacking", "1"},
                       {"gpu_mem_limit", "1"}};
  LoadedModel loaded(test_model("no_batch.onnx"), config);
  ASSERT_TRUE(loaded.set<float>(0, {3}, {1, 2, 3}).ok());
  ASSERT_TRUE(loaded.session->run().ok());
  EXPECT_EQ(loaded.get<float>(0), (std::vector<float>{2, 3, 4}));
}

TEST(Load, extends_an_arena_as_requested_for_every_backend_of_the_process) {
  ModelConfig config;
  config.parameters = {{"arena_extend_strategy", "1"}};
  const LoadedModel first(test_model("no_batch.onnx"), config);
  const LoadedModel second(test_model("no_batch.onnx"), config);
  EXPECT_NE(first.session, nullptr);
  EXPECT_NE(second.session, nullptr);
}

}  // namespace
}  // namespace muster::onnxruntime
