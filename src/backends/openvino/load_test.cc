// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <memory>

#include <gtest/gtest.h>
#include <openvino/core/model.hpp>
#include <openvino/op/parameter.hpp>
#include <openvino/op/result.hpp>

#include "backends/openvino/describe.h"
#include "backends/openvino/testing/ir_file.h"
#include "inference/testing/loaded_model.h"

namespace muster::openvino {
namespace {

using namespace onnx;

void expect_refused(const std::string& file, std::string_view words,
                    std::string_view code = "INVALID_ARGUMENT") {
  const std::string error = load_error(file);
  EXPECT_EQ(error.find(std::string(code) + ": " + file + ": "), 0U) << error;
  EXPECT_NE(error.find(words), std::string::npos) << error;
  EXPECT_EQ(error.find('\n'), std::string::npos) << error;
  EXPECT_EQ(error.find("src/"), std::string::npos) << error;
}

TEST(Load, describes_inputs_and_outputs_as_the_file_has_them) {
  const LoadedModel loaded(test_model("two_in_two_out.onnx"));
  ASSERT_NE(loaded.model, nullptr);
  const ModelSignature& signature = loaded.model->signature();
  ASSERT_EQ(signature.inputs.size(), 2U);
  EXPECT_EQ(signature.inputs[0].name, "a");
  EXPECT_EQ(signature.inputs[0].type, DataType::kFp32);
  EXPECT_EQ(signature.inputs[0].shape, (Shape{-1, 2}));
  EXPECT_EQ(signature.inputs[1].name, "b");
  EXPECT_EQ(signature.inputs[1].type, DataType::kInt64);
  ASSERT_EQ(signature.outputs.size(), 2U);
  EXPECT_EQ(signature.outputs[0].name, "sum");
  EXPECT_EQ(signature.outputs[1].name, "product");
  EXPECT_EQ(signature.outputs[1].shape, (Shape{-1, 2, 3}));
  EXPECT_FALSE(loaded.model->sessions_are_thread_bound());
}

TEST(Load, tells_name_and_version) {
  const std::unique_ptr<Backend> backend = backend_under_test();
  EXPECT_EQ(backend->name(), "openvino");
  EXPECT_EQ(backend->version().find("OpenVINO 20"), 0U);
}

TEST(Load, reads_ir_with_its_weights) {
  const TemporaryFolder folder;
  LoadedModel loaded(write_ir(folder, 2, 3));
  ASSERT_NE(loaded.session, nullptr);
  EXPECT_EQ(loaded.model->signature().inputs[0].name, "x");
  EXPECT_EQ(loaded.model->signature().outputs[0].name, "y");
  EXPECT_EQ(loaded.model->signature().outputs[0].shape, (Shape{-1, 2}));
  ASSERT_TRUE(loaded.set<float>(0, {2, 2}, {1, 1, 10, 100}).ok());
  ASSERT_TRUE(loaded.session->run().ok());
  EXPECT_EQ(loaded.get<float>(0), (std::vector<float>{2, 3, 20, 300}));
}

TEST(Load, numbers_the_outputs_of_one_operator_that_have_no_names) {
  const TemporaryFolder folder;
  folder.write("model.bin", std::string("\1\0\0\0\0\0\0\0", 8));
  const auto write = [&](std::string_view first, std::string_view second) {
    return folder.write("model.xml", split_ir_xml(first, second));
  };
  LoadedModel loaded(write("halves/sink_port_0", "halves/sink_port_1"));
  ASSERT_NE(loaded.session, nullptr);
  const ModelSignature& signature = loaded.model->signature();
  ASSERT_EQ(signature.outputs.size(), 2U);
  EXPECT_EQ(signature.outputs[0].name, "halves.0");
  EXPECT_EQ(signature.outputs[1].name, "halves.1");
  ASSERT_TRUE(loaded.set<float>(0, {1, 4}, {1, 2, 3, 4}).ok());
  ASSERT_TRUE(loaded.session->run().ok());
  EXPECT_EQ(loaded.get<float>(0), (std::vector<float>{1, 2}));
  EXPECT_EQ(loaded.get<float>(1), (std::vector<float>{3, 4}));
  const LoadedModel named(write("left/sink_port_0", "right/sink_port_1"));
  ASSERT_NE(named.model, nullptr);
  EXPECT_EQ(named.model->signature().outputs[0].name, "left");
  EXPECT_EQ(named.model->signature().outputs[1].name, "right");
}

TEST(Load, refuses_outputs_that_no_request_could_tell_apart) {
  const auto x = std::make_shared<ov::op::v0::Parameter>(ov::element::f32, ov::PartialShape{-1, 2});
  const auto first = std::make_shared<ov::op::v0::Result>(x);
  const auto second = std::make_shared<ov::op::v0::Result>(x);
  first->set_friendly_name("same/sink_port_0");
  second->set_friendly_name("same/sink_port_0");
  const ov::Model model(ov::ResultVector{first, second}, ov::ParameterVector{x});
  const Result<ModelSignature> described = describe(model.inputs(), model.outputs());
  ASSERT_FALSE(described.ok());
  EXPECT_EQ(described.status().message(),
            "it has two outputs 'same.0', which no request could tell apart; give each a name of "
            "its own");
  second->set_friendly_name("other");
  EXPECT_TRUE(describe(model.inputs(), model.outputs()).ok());
}

TEST(Load, refuses_ir_whose_weights_are_not_those_it_was_written_with) {
  const TemporaryFolder folder;
  const std::string file = folder.write("model.xml", ir_xml());
  expect_refused(file, "it wants 8 bytes of 'model.bin', which is not there; copy it");
  folder.write("model.bin", "1234");
  expect_refused(file, "it wants 8 bytes of 'model.bin', which has 4; copy the file");
  folder.write("model.xml", ir_xml("-1", "18446744073709551608", "16"));
  expect_refused(file, "not an OpenVINO IR model (a constant of 16 bytes");
  std::filesystem::remove(folder.path() / "model.bin");
  std::filesystem::create_symlink(test_model("outside.bin"), folder.path() / "model.bin");
  expect_refused(file, "leads outside the model's folder");
}

TEST(Load, refuses_what_is_no_model) {
  const TemporaryFolder folder;
  expect_refused(folder.write("model.xml", ""), "not an OpenVINO IR model (it holds no XML)");
  const std::string whole = ir_xml();
  folder.write("model.bin", weight_bytes(1, 1));
  expect_refused(folder.write("model.xml", whole.substr(0, whole.size() / 2)),
                 "not an OpenVINO IR model (");
  expect_refused(folder.write("model.xml", "<net></net>"), "model.xml");
  expect_refused(test_model("empty.onnx"), "not an ONNX model (the file is empty)");
  expect_refused(test_model("corrupt.onnx"), "not an ONNX model (");
  expect_refused("/nonexistent/model.onnx", "cannot be opened", "NOT_FOUND");
  expect_refused("/nonexistent/model.xml", "no such file", "NOT_FOUND");
  expect_refused(folder.write("model.plan", ""), "reads .xml (with .bin) and .onnx files");
}

TEST(Load, refuses_external_weights_outside_the_folder) {
  for (const char* name : {"external_escape/model.onnx", "external_in_subgraph/model.onnx",
                           "external_in_constant/model.onnx", "external_symlink/model.onnx"}) {
    expect_refused(test_model(name), "leads outside the model's folder");
  }
  expect_refused(test_model("external_absolute.onnx"), "is absolute");
  expect_refused(test_model("external_missing.onnx"), "does not exist");
}

TEST(Load, reads_external_weights_beside_the_model) {
  LoadedModel loaded(test_model("external_ok/model.onnx"));
  ASSERT_TRUE(loaded.set<float>(0, {1, 4}, {0, 0, 0, 10}).ok());
  ASSERT_TRUE(loaded.session->run().ok());
  EXPECT_EQ(loaded.get<float>(0), (std::vector<float>{1, 2, 3, 14}));
}

TEST(Load, names_the_operators_that_the_runtime_has_not) {
  expect_refused(test_model("unknown_op.onnx"), "com.example.Foo");
}

TEST(Load, refuses_types_that_it_does_not_carry) {
  expect_refused(test_model("identity_string.onnx"), "input 'input' is of type string",
                 "UNIMPLEMENTED");
}

TEST(Load, refuses_unknown_parameters_by_their_place) {
  ModelConfig config;
  config.parameters["NUM_STREAM"] = "1";
  const std::string file = test_model("no_batch.onnx");
  EXPECT_EQ(load_error(file, config).find("INVALID_ARGUMENT: " + file + ": parameter 'NUM_STREAM'"),
            0U);
  config.config_file = "config.pbtxt";
  EXPECT_EQ(load_error(file, config).find("INVALID_ARGUMENT: parameter 'NUM_STREAM'"), 0U);
}

TEST(Load, works_with_every_parameter_at_its_other_value) {
  ModelConfig config;
  config.parameters = {{"INFERENCE_NUM_THREADS", "2"},
                       {"NUM_STREAMS", "2"},
                       {"PERFORMANCE_HINT", "THROUGHPUT"},
                       {"INFERENCE_PRECISION_HINT", "bf16"},
                       {"ENABLE_CPU_PINNING", "YES"},
                       {"CPU_DENORMALS_OPTIMIZATION", "YES"},
                       {"STATIC_BATCH_SIZES", "none"},
                       {"SKIP_OV_DYNAMIC_BATCHSIZE", "YES"},
                       {"TARGET_DEVICE", "CPU"}};
  LoadedModel loaded(test_model("no_batch.onnx"), config);
  ASSERT_TRUE(loaded.set<float>(0, {3}, {1, 2, 3}).ok());
  ASSERT_TRUE(loaded.session->run().ok());
  EXPECT_EQ(loaded.get<float>(0), (std::vector<float>{2, 3, 4}));
}

TEST(Load, tells_the_precision_that_the_processor_has) {
  ModelConfig config;
  EXPECT_EQ(LoadedModel(test_model("no_batch.onnx"), config).model->precision(), "f32");
  // Without one that is asked for, OpenVINO takes another; never one that it has no name for.
  for (const char* asked : {"f16", "bf16"}) {
    config.parameters["INFERENCE_PRECISION_HINT"] = asked;
    const std::string has = LoadedModel(test_model("no_batch.onnx"), config).model->precision();
    EXPECT_TRUE(has == "f32" || has == "f16" || has == "bf16") << has;
  }
}

}  // namespace
}  // namespace muster::openvino
