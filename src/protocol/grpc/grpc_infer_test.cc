// SPDX-License-Identifier: Apache-2.0
#include "protocol/grpc/grpc_infer.h"

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include "protocol/testing/bodies.h"
#include "protocol/testing/shared_memory_object.h"

namespace muster {
namespace {

using testing::elements_of;
using testing::raw;

class GrpcInferTest : public ::testing::Test {
 protected:
  // As protobuf's text.
  Result<InferCall> decode(const std::string& text) {
    ::inference::ModelInferRequest sent;
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &sent)) << text;
    return decode(sent);
  }
  Result<InferCall> decode(const ::inference::ModelInferRequest& sent) {
    bytes_ = sent.SerializeAsString();
    MUSTER_RETURN_IF_ERROR(message_.read(bytes_, decoding_.limits));
    InferCall call;
    MUSTER_RETURN_IF_ERROR(decode_grpc_infer(message_, decoding_.context, call));
    return call;
  }
  std::string fault(const std::string& text) {
    const auto call = decode(text);
    EXPECT_FALSE(call.ok()) << text;
    EXPECT_EQ(call.status().code(), StatusCode::kInvalidArgument);
    return std::string(call.status().message());
  }
  template <typename T>
  std::vector<T> typed(const std::string& type, const std::string& contents) {
    const auto call = decode("inputs { name: 'x' datatype: '" + type + "' shape: 2 contents { " +
                             contents + " } }");
    EXPECT_TRUE(call.ok()) << call.status().message();
    return call.ok() ? elements_of<T>(call->request.inputs[0].tensor) : std::vector<T>();
  }
  std::string typed_fault(const std::string& type, const std::string& contents) {
    return fault("inputs { name: 'x' datatype: '" + type + "' shape: 2 contents { " + contents +
                 " } }");
  }
  [[nodiscard]] bool lies_in_the_message(const TensorView& tensor) const {
    const std::span<const std::byte> message = std::as_bytes(std::span(bytes_));
    return std::less_equal<>()(message.data(), tensor.bytes.data()) &&
           std::less_equal<>()(tensor.bytes.data() + tensor.bytes.size(),
                               message.data() + message.size());
  }
  testing::Decoding decoding_;
  std::string bytes_;
  InferMessage message_;
};

TEST_F(GrpcInferTest, takes_raw_tensors_as_views) {
  ::inference::ModelInferRequest message;
  message.set_model_name("m");
  message.set_model_version("7");
  message.set_id("42");
  auto& input = *message.add_inputs();
  input.set_name("x");
  input.set_datatype("FP32");
  input.add_shape(1);
  input.add_shape(2);
  message.add_raw_input_contents(raw<float>({1, 2.5F}));
  message.add_outputs()->set_name("o");
  const auto call = decode(message);
  ASSERT_TRUE(call.ok()) << call.status().message();
  EXPECT_EQ(call->request.model, "m");
  EXPECT_EQ(call->request.version, 7);
  EXPECT_EQ(call->wishes.id, "42");
  EXPECT_EQ(call->request.outputs, std::vector<std::string>{"o"});
  const TensorView& tensor = call->request.inputs[0].tensor;
  EXPECT_EQ(elements_of<float>(tensor), (std::vector<float>{1, 2.5F}));
  EXPECT_TRUE(lies_in_the_message(tensor));
}

TEST_F(GrpcInferTest, takes_typed_contents_of_every_type_that_has_them) {
  EXPECT_EQ(typed<std::uint8_t>("BOOL", "bool_contents: [true, false]"),
            (std::vector<std::uint8_t>{1, 0}));
  EXPECT_EQ(typed<std::int8_t>("INT8", "int_contents: [-128, 127]"),
            (std::vector<std::int8_t>{-128, 127}));
  EXPECT_EQ(typed<std::int16_t>("INT16", "int_contents: [-32768, 32767]"),
            (std::vector<std::int16_t>{-32768, 32767}));
  EXPECT_EQ(typed<std::int32_t>("INT32", "int_contents: [-1, 2]"),
            (std::vector<std::int32_t>{-1, 2}));
  EXPECT_EQ(typed<std::int64_t>("INT64", "int64_contents: [-1, 2]"),
            (std::vector<std::int64_t>{-1, 2}));
  EXPECT_EQ(typed<std::uint8_t>("UINT8", "uint_contents: [0, 255]"),
            (std::vector<std::uint8_t>{0, 255}));
  EXPECT_EQ(typed<std::uint16_t>("UINT16", "uint_contents: [0, 65535]"),
            (std::vector<std::uint16_t>{0, 65535}));
  EXPECT_EQ(typed<std::uint32_t>("UINT32", "uint_contents: [0, 4294967295]"),
            (std::vector<std::uint32_t>{0, 4294967295U}));
  EXPECT_EQ(typed<std::uint64_t>("UINT64", "uint64_contents: [0, 5]"),
            (std::vector<std::uint64_t>{0, 5}));
  EXPECT_EQ(typed<float>("FP32", "fp32_contents: [0.5, nan]")[0], 0.5F);
  EXPECT_EQ(typed<double>("FP64", "fp64_contents: [0.5, 1]"), (std::vector<double>{0.5, 1}));
  const auto call = decode(
      R"(inputs { name: 'x' datatype: 'BYTES' shape: 2 contents { bytes_contents: ['a\000', ''] } })");
  ASSERT_TRUE(call.ok());
  EXPECT_EQ((*bytes_elements(call->request.inputs[0].tensor))[0], std::string_view("a\0", 2));
}

TEST_F(GrpcInferTest, takes_floats_in_one_piece_as_views) {
  const std::string head = "inputs { name: 'x' datatype: 'FP32' shape: 2 contents { ";
  const auto packed = decode(head + "fp32_contents: [1, 2] } }");
  ASSERT_TRUE(packed.ok()) << packed.status().message();
  EXPECT_TRUE(lies_in_the_message(packed->request.inputs[0].tensor));
  // Each for itself, as a client may write them.
  bytes_ = std::string("\x2a\0\x0a\x01x\x12\x04", 7) + "FP32" +
           std::string("\x18\x02\x2a\x0a\x35\0\0\x80\x3f\x35\0\0\0\x40", 14);
  bytes_[1] = static_cast<char>(bytes_.size() - 2);
  ASSERT_TRUE(message_.read(bytes_, decoding_.limits).ok());
  InferCall call;
  const Status status = decode_grpc_infer(message_, decoding_.context, call);
  ASSERT_TRUE(status.ok()) << status.message();
  EXPECT_FALSE(lies_in_the_message(call.request.inputs[0].tensor));
  EXPECT_EQ(elements_of<float>(call.request.inputs[0].tensor), (std::vector<float>{1, 2}));
}

TEST_F(GrpcInferTest, checks_typed_contents) {
  EXPECT_EQ(typed_fault("INT8", "int_contents: [1, 128]"),
            "input 'x': element 1 is 128, which is out of the range of INT8");
  EXPECT_EQ(typed_fault("UINT16", "uint_contents: [65536, 1]"),
            "input 'x': element 0 is 65536, which is out of the range of UINT16");
  EXPECT_EQ(typed_fault("FP32", "fp32_contents: [1]"),
            "input 'x': its shape has 2 elements, 1 are given in fp32_contents");
  EXPECT_EQ(typed_fault("FP32", "fp64_contents: [1, 2]"),
            "input 'x': elements of FP32 go into fp32_contents alone");
  EXPECT_EQ(typed_fault("FP32", "fp32_contents: [1, 2] int_contents: 1"),
            "input 'x': elements of FP32 go into fp32_contents alone");
  EXPECT_EQ(typed_fault("FP16", "fp32_contents: [1, 2]"),
            "input 'x': FP16 has no typed contents; it travels in raw_input_contents");
}

TEST_F(GrpcInferTest, refuses_raw_beside_typed_contents) {
  EXPECT_EQ(fault("inputs { name: 'x' datatype: 'INT32' shape: 1 contents { int_contents: 1 } } "
                  "raw_input_contents: '1234'"),
            "input 'x': contents, raw_input_contents and shared_memory_region exclude each other");
}

TEST_F(GrpcInferTest, counts_raw_contents) {
  const std::string input = "inputs { name: 'x' datatype: 'INT32' shape: 1 } ";
  EXPECT_EQ(fault(input + "raw_input_contents: '1234' raw_input_contents: '1234'"),
            "raw_input_contents has 2 entries, 1 inputs have no other elements");
  EXPECT_EQ(fault(input + "inputs { name: 'y' datatype: 'INT32' shape: 1 } "
                          "raw_input_contents: '1234'"),
            "input 'y': raw_input_contents has 1 entries, none for this input");
  EXPECT_EQ(fault(input + "raw_input_contents: '123'"),
            "input 'x': shape [1] of INT32 takes 4 bytes, 3 given");
  EXPECT_EQ(fault(input), "input 'x': its shape has 1 elements, 0 are given in int_contents");
  EXPECT_TRUE(decode("inputs { name: 'x' datatype: 'INT32' shape: 0 }").ok());
}

TEST_F(GrpcInferTest, shares_its_checks_with_http) {
  EXPECT_EQ(fault("inputs { name: 'x' datatype: 'INT32' shape: -1 }"),
            "input 'x': shape [-1] has a negative dimension");
  EXPECT_EQ(fault("inputs { name: 'x' datatype: 'FP64' shape: 4611686018427387904 }"),
            "input 'x': shape [4611686018427387904] has too many elements");
  EXPECT_EQ(fault("inputs { name: 'x' datatype: 'int' shape: 1 }"),
            "input 'x': unknown data type 'int'");
  EXPECT_EQ(fault("inputs { datatype: 'INT32' shape: 1 }"), "input '': input 0 has no name");
  EXPECT_EQ(fault("inputs { name: 'x' datatype: 'INT32' shape: 0 } "
                  "inputs { name: 'x' datatype: 'INT32' shape: 0 }"),
            "input 'x' is given twice");
  EXPECT_EQ(fault("outputs { name: 'o' } outputs { name: 'o' }"), "output 'o' is asked for twice");
  EXPECT_EQ(fault("model_version: '-1'"), "the model version '-1' is no positive number");
  EXPECT_EQ(fault("parameters { key: 'timeout' value { string_param: '1' } }"),
            "parameter 'timeout' must be a whole number that is not negative");
  EXPECT_EQ(fault("outputs { name: 'o' parameters { key: 'classification' "
                  "value { int64_param: 0 } } }"),
            "output 'o': parameter 'classification' must be a whole number above 0");
  decoding_.limits.max_rank = 1;
  EXPECT_EQ(fault("inputs { name: 'x' datatype: 'INT32' shape: [1, 1] }"),
            "input 'x': the shape has more than 1 dimensions");
}

TEST_F(GrpcInferTest, takes_parameters_of_either_kind_of_integer) {
  const auto call = decode(
      "parameters { key: 'timeout' value { int64_param: 1000 } } "
      "parameters { key: 'priority' value { uint64_param: 2 } } "
      "parameters { key: 'triton_enable_empty_final_response' value { bool_param: true } } "
      "outputs { name: 'o' parameters { key: 'classification' value { uint64_param: 3 } } }");
  ASSERT_TRUE(call.ok()) << call.status().message();
  EXPECT_EQ(call->request.deadline, decoding_.context.now + std::chrono::milliseconds(1));
  EXPECT_EQ(call->request.priority, 2U);
  EXPECT_TRUE(call->wishes.final_response);
  EXPECT_EQ(call->wishes.outputs[0].classes, 3);
}

TEST_F(GrpcInferTest, reads_shared_memory_beside_raw_contents) {
  const testing::SharedMemoryObject object("abcd");
  ASSERT_TRUE(decoding_.regions.add("r", object.key(), 0, 4).ok());
  const auto call = decode(
      "inputs { name: 'x' datatype: 'UINT8' shape: 2 "
      "parameters { key: 'shared_memory_region' value { string_param: 'r' } } "
      "parameters { key: 'shared_memory_offset' value { int64_param: 1 } } "
      "parameters { key: 'shared_memory_byte_size' value { int64_param: 2 } } } "
      "inputs { name: 'y' datatype: 'UINT8' shape: 1 } raw_input_contents: 'z'");
  ASSERT_TRUE(call.ok()) << call.status().message();
  EXPECT_EQ(elements_of<char>(call->request.inputs[0]), (std::vector<char>{'b', 'c'}));
  EXPECT_EQ(elements_of<char>(call->request.inputs[1].tensor), std::vector<char>{'z'});
}

TEST_F(GrpcInferTest, limits_the_inputs_of_a_request_that_names_shared_memory) {
  const testing::SharedMemoryObject object("abcdefgh");
  ASSERT_TRUE(decoding_.regions.add("r", object.key(), 0, 8).ok());
  decoding_.limits.max_input_bytes = 12;
  const auto in_region = [](const std::string& name, int bytes) {
    const std::string size = std::to_string(bytes);
    return "inputs { name: '" + name + "' datatype: 'UINT8' shape: " + size +
           " parameters { key: 'shared_memory_region' value { string_param: 'r' } } "
           "parameters { key: 'shared_memory_byte_size' value { int64_param: " +
           size + " } } } ";
  };
  EXPECT_TRUE(decode(in_region("x", 8) + in_region("y", 4)).ok());
  EXPECT_EQ(fault(in_region("x", 8) + in_region("y", 5)),
            "input 'y': a request with inputs in shared memory may have 12 bytes of inputs");
  EXPECT_TRUE(
      decode("inputs { name: 'x' datatype: 'UINT8' shape: 13 } raw_input_contents: '0123456789abc'")
          .ok());
}

}  // namespace
}  // namespace muster
