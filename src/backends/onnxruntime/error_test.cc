// SPDX-License-Identifier: Apache-2.0
#include "backends/onnxruntime/error.h"

#include <gtest/gtest.h>

#include <muster/backend.h>

namespace muster::onnxruntime {
namespace {

TEST(RuntimeMessage, loses_source_paths_and_function_signatures) {
  EXPECT_EQ(one_line("Load model from m.onnx failed:/onnxruntime_src/onnxruntime/core/graph/"
                     "model.cc:256 onnxruntime::Model::Model(onnx::ModelProto&&, const "
                     "std::vector<std::function<void(int)> >&) Unsupported model IR version: 99, "
                     "max supported IR version: 14\n"),
            "Unsupported model IR version: 99, max supported IR version: 14");
  EXPECT_EQ(one_line("/onnxruntime_src/a.cc:1 void f(int) const [with T = int[2]] broken"),
            "broken");
}

TEST(RuntimeMessage, keeps_the_node_and_what_was_wrong_with_it) {
  EXPECT_EQ(one_line("Non-zero status code returned while running Gemm node. Name:'fc' Status "
                     "Message: /onnxruntime_src/onnxruntime/core/framework/op_kernel.cc:87 virtual "
                     "OrtValue* onnxruntime::OpKernelContext::OutputMLValue(int, const "
                     "onnxruntime::TensorShape&) [ONNXRuntimeError] : 2 : INVALID_ARGUMENT : The "
                     "shape is wrong.\n"),
            "node 'fc' (Gemm): The shape is wrong");
}

TEST(RuntimeMessage, is_one_line_whatever_comes) {
  EXPECT_EQ(one_line("a\nb\r\tc"), "a b  c");
  EXPECT_EQ(one_line(""), "");
  EXPECT_EQ(one_line("/onnxruntime_src/"), "");
  EXPECT_EQ(one_line("/onnxruntime_src/x.cc:1 f(unclosed"), "f(unclosed");
  EXPECT_EQ(one_line("[ONNXRuntimeError] : "), "");
  EXPECT_EQ(one_line("[ONNXRuntimeError] : 1"), "1");
  EXPECT_LT(one_line(std::string(100'000, 'x')).size(), 1000U);
}

TEST(RuntimeMessage, says_nothing_of_the_machine_that_a_gpu_is_in) {
  EXPECT_EQ(one_line("CUDA failure 2: out of memory ; GPU=0 ; hostname=box ; "
                     "file=/onnxruntime_src/onnxruntime/core/providers/cuda/cuda_allocator.cc ; "
                     "line=51 ; expr=cudaMalloc((void**)&p, size); \n"),
            "CUDA failure 2: out of memory ; expr=cudaMalloc((void**)&p, size);");
}

TEST(Guarded, knows_faults_of_a_gpu_by_their_numbers) {
  const auto code_of = [](const char* message) {
    return guarded([&] { throw Ort::Exception(message, ORT_FAIL); }).code();
  };
  EXPECT_EQ(code_of("CUDA failure 2: out of memory ; GPU=0"), StatusCode::kResourceExhausted);
  EXPECT_EQ(code_of("node: CUDA failure 700: an illegal memory access"), kBrokenForGood);
  EXPECT_EQ(code_of("CUDA failure 719: unspecified launch failure"), kBrokenForGood);
  EXPECT_EQ(code_of("CUDA failure 214: uncorrectable ECC error"), kBrokenForGood);
  EXPECT_EQ(code_of("CUDA failure 1: invalid argument"), StatusCode::kInternal);
  EXPECT_EQ(code_of("CUDA failure 7"), StatusCode::kInternal);
  EXPECT_EQ(code_of("CUDA failure "), StatusCode::kInternal);
  EXPECT_EQ(code_of("CUDA failure 70000000000000000000: x"), StatusCode::kInternal);
  EXPECT_EQ(code_of("CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED"),
            StatusCode::kResourceExhausted);
  EXPECT_EQ(code_of("CUBLAS failure 13: CUBLAS_STATUS_EXECUTION_FAILED"), StatusCode::kInternal);
}

TEST(Guarded, turns_every_throw_into_a_status) {
  EXPECT_TRUE(guarded([] {}).ok());
  const auto code_of = [](OrtErrorCode code) {
    return guarded([&] { throw Ort::Exception("text", code); }).code();
  };
  EXPECT_EQ(code_of(ORT_INVALID_ARGUMENT), StatusCode::kInvalidArgument);
  EXPECT_EQ(code_of(ORT_NO_SUCHFILE), StatusCode::kNotFound);
  EXPECT_EQ(code_of(ORT_NOT_IMPLEMENTED), StatusCode::kUnimplemented);
  EXPECT_EQ(code_of(ORT_FAIL), StatusCode::kInternal);
  EXPECT_EQ(
      guarded([] { throw Ort::Exception("Failed to allocate memory for ...", ORT_FAIL); }).code(),
      StatusCode::kResourceExhausted);
  EXPECT_EQ(guarded([] { throw std::bad_alloc(); }).code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(guarded([] { throw std::runtime_error("x"); }).code(), StatusCode::kInternal);
  EXPECT_EQ(guarded([] { throw 1; }).code(), StatusCode::kInternal);
}

}  // namespace
}  // namespace muster::onnxruntime
