// SPDX-License-Identifier: Apache-2.0
#include "protocol/http/http_infer.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "protocol/testing/bodies.h"
#include "protocol/testing/shared_memory_object.h"
#include "shared_memory/testing/fake_gpu.h"

namespace muster {
namespace {

using testing::body_of;
using testing::Decoding;
using testing::elements_of;
using testing::raw;

class HttpInferTest : public ::testing::Test {
 protected:
  Result<InferCall> decode(std::string_view json, std::string_view binary = "") {
    return decode_http_infer(body_of(std::string(json) + std::string(binary)),
                             binary.empty() ? std::nullopt : std::optional(json.size()),
                             decoding_.context);
  }
  std::string fault(std::string_view json, std::string_view binary = "") {
    const auto call = decode(json, binary);
    EXPECT_FALSE(call.ok()) << json;
    EXPECT_EQ(call.status().code(), StatusCode::kInvalidArgument) << call.status().to_string();
    return std::string(call.status().message());
  }
  // With one input that is right, and more fields of the request before it.
  std::string with(std::string_view fields) {
    return "{" + std::string(fields) +
           R"(,"inputs":[{"name":"x","shape":[1],"datatype":"INT32","data":[7]}]})";
  }
  Decoding decoding_;
};

TEST_F(HttpInferTest, takes_json_tensors) {
  const auto call = decode(
      R"({"id":"42","inputs":[{"name":"a","shape":[1,2],"datatype":"FP32","data":[[1,2.5]]},
          {"name":"b","shape":[1],"datatype":"BYTES","data":["hi"]}],"outputs":[{"name":"o"}]})");
  ASSERT_TRUE(call.ok()) << call.status().message();
  const InferRequest& request = call->request;
  EXPECT_EQ(request.id, "42");
  EXPECT_EQ(call->wishes.id, "42");
  ASSERT_EQ(request.inputs.size(), 2U);
  EXPECT_EQ(request.inputs[0].name, "a");
  EXPECT_EQ(request.inputs[0].tensor.shape, (Shape{1, 2}));
  EXPECT_EQ(elements_of<float>(request.inputs[0].tensor), (std::vector<float>{1, 2.5F}));
  EXPECT_EQ((*bytes_elements(request.inputs[1].tensor))[0], "hi");
  EXPECT_EQ(request.outputs, std::vector<std::string>{"o"});
}

TEST_F(HttpInferTest, takes_keys_in_any_order) {
  const auto call = decode(
      R"({"outputs":[{"parameters":{"classification":2},"name":"o"}],
          "inputs":[{"data":[true,false],"parameters":{"mine":[1]},"datatype":"BOOL","shape":[2],"name":"a"}],
          "parameters":{"binary_data_output":true}})");
  ASSERT_TRUE(call.ok()) << call.status().message();
  EXPECT_EQ(elements_of<std::uint8_t>(call->request.inputs[0].tensor),
            (std::vector<std::uint8_t>{1, 0}));
  EXPECT_EQ(call->wishes.outputs[0].classes, 2);
  EXPECT_TRUE(call->wishes.outputs[0].binary);
}

TEST_F(HttpInferTest, reads_not_a_number_also_where_the_data_comes_first) {
  const auto call =
      decode(R"({"inputs":[{"data":[NaN,-Infinity],"datatype":"FP32","shape":[2],"name":"a"}]})");
  ASSERT_TRUE(call.ok()) << call.status().message();
  EXPECT_FALSE(decode(R"({"a":NaN,"inputs":[]})").ok());
}

TEST_F(HttpInferTest, takes_binary_tensors_as_views_in_the_order_of_the_inputs) {
  const std::string json =
      R"({"inputs":[{"name":"a","shape":[2],"datatype":"FP32","parameters":{"binary_data_size":8}},
          {"name":"c","shape":[1],"datatype":"INT32","data":[5]},
          {"name":"b","shape":[3],"datatype":"UINT8","parameters":{"binary_data_size":3}}]})";
  const auto body = body_of(json + raw<float>({1, 2}) + raw<std::uint8_t>({7, 8, 9}));
  auto call = decode_http_infer(body, json.size(), decoding_.context);
  ASSERT_TRUE(call.ok()) << call.status().message();
  EXPECT_EQ(elements_of<float>(call->request.inputs[0].tensor), (std::vector<float>{1, 2}));
  EXPECT_EQ(elements_of<std::uint8_t>(call->request.inputs[2].tensor),
            (std::vector<std::uint8_t>{7, 8, 9}));
  EXPECT_EQ(call->request.inputs[0].tensor.bytes.data(), body->bytes().data() + json.size());
  EXPECT_GT(body.use_count(), 1);  // the request keeps it
}

TEST_F(HttpInferTest, checks_the_sizes_of_binary_tensors) {
  const auto input = [](std::string_view type, std::string_view shape, int size) {
    return R"({"inputs":[{"name":"a","shape":)" + std::string(shape) + R"(,"datatype":")" +
           std::string(type) + R"(","parameters":{"binary_data_size":)" + std::to_string(size) +
           "}}]}";
  };
  EXPECT_EQ(fault(input("FP32", "[2]", 4), "1234"),
            "input 'a': shape [2] of FP32 takes 8 bytes, 4 given");
  EXPECT_EQ(fault(input("FP32", "[1]", 4), "12345"),
            "1 bytes follow the binary data of the last input");
  EXPECT_EQ(
      fault(input("FP32", "[1]", 4), "123"),
      "input 'a': binary_data_size is 4, 3 bytes are left behind the JSON, whose length is in "
      "the header Inference-Header-Content-Length");
  EXPECT_EQ(
      fault(input("FP32", "[1]", 4)),
      "input 'a': binary_data_size is 4, 0 bytes are left behind the JSON, whose length is in "
      "the header Inference-Header-Content-Length");
  EXPECT_TRUE(decode(input("FP16", "[1]", 2), "12").ok());
  EXPECT_TRUE(decode(input("FP32", "[0,5]", 0)).ok());
}

TEST_F(HttpInferTest, checks_what_binary_tensors_hold) {
  const std::string bools =
      R"({"inputs":[{"name":"a","shape":[2],"datatype":"BOOL","parameters":{"binary_data_size":2}}]})";
  EXPECT_TRUE(decode(bools, std::string("\0\1", 2)).ok());
  EXPECT_EQ(fault(bools, std::string("\0\2", 2)),
            "input 'a': element 1 is 2, which is no BOOL (0 or 1)");
  const std::string strings =
      R"({"inputs":[{"name":"a","shape":[1],"datatype":"BYTES","parameters":{"binary_data_size":6}}]})";
  EXPECT_TRUE(decode(strings, std::string("\2\0\0\0hi", 6)).ok());
  EXPECT_EQ(fault(strings, std::string("\3\0\0\0hi", 6)),
            "input 'a': the bytes end within element 0 of 1");
  EXPECT_EQ(fault(strings, std::string("\xff\xff\xff\xffhi", 6)),
            "input 'a': the bytes end within element 0 of 1");
  EXPECT_EQ(fault(strings, std::string("\1\0\0\0hi", 6)),
            "input 'a': 1 bytes follow its last element");
}

TEST_F(HttpInferTest, refuses_a_header_length_beyond_the_body) {
  const auto call = decode_http_infer(body_of("{}"), 3, decoding_.context);
  EXPECT_EQ(call.status().message(), "Inference-Header-Content-Length is 3, the body has 2 bytes");
}

TEST_F(HttpInferTest, reads_no_json_behind_the_header) {
  const std::string json = R"({"inputs":[],"x":1)";
  EXPECT_FALSE(decode_http_infer(body_of(json + "}"), json.size(), decoding_.context).ok());
}

TEST_F(HttpInferTest, names_what_is_missing_or_given_twice) {
  EXPECT_EQ(fault("{}"), "the request has no 'inputs'");
  EXPECT_EQ(fault(R"({"inputs":[{"shape":[1],"datatype":"INT32","data":[1]}]})"),
            "input 0 has no name");
  EXPECT_EQ(fault(R"({"inputs":[{"name":"a","datatype":"INT32","data":[1]}]})"),
            "input 'a': it has no 'shape'");
  EXPECT_EQ(fault(R"({"inputs":[{"name":"a","shape":[1],"data":[1]}]})"),
            "input 'a': it has no 'datatype'");
  EXPECT_EQ(fault(R"({"inputs":[{"name":"a","shape":[1],"datatype":"INT32"}]})"),
            "input 'a': it has neither 'data' nor binary_data_size nor shared_memory_region");
  EXPECT_EQ(fault(R"({"inputs":[{"name":"a","shape":[0],"datatype":"INT32"},
                                {"name":"a","shape":[0],"datatype":"INT32"}]})"),
            "input 'a' is given twice");
  EXPECT_EQ(fault(with(R"("outputs":[{"name":"o"},{"name":"o"}])")),
            "output 'o' is asked for twice");
  EXPECT_EQ(fault(with(R"("outputs":[{}])")), "output 0 has no name");
  EXPECT_EQ(fault(R"({"inputs":[{"name":"a","name":"b"}]})"),
            "input 'a': the key 'name' stands twice in one object");
}

TEST_F(HttpInferTest, refuses_two_sources_of_elements) {
  const std::string_view message =
      "input 'a': 'data', binary_data_size and shared_memory_region exclude each other";
  EXPECT_EQ(fault(R"({"inputs":[{"name":"a","shape":[1],"datatype":"INT32","data":[1],
                     "parameters":{"binary_data_size":4}}]})",
                  "1234"),
            message);
  EXPECT_EQ(fault(R"({"inputs":[{"name":"a","shape":[1],"datatype":"INT32","data":[1],
                     "parameters":{"shared_memory_region":"r","shared_memory_byte_size":4}}]})"),
            message);
}

TEST_F(HttpInferTest, refuses_shapes_and_types_that_are_none) {
  const auto input = [&](std::string_view shape, std::string_view type) {
    return fault(R"({"inputs":[{"name":"a","shape":)" + std::string(shape) + R"(,"datatype":")" +
                 std::string(type) + R"(","data":[1]}]})");
  };
  EXPECT_EQ(input("[-1]", "INT32"), "input 'a': shape [-1] has a negative dimension");
  EXPECT_EQ(input("[4611686018427387904,4611686018427387904]", "INT32"),
            "input 'a': shape [4611686018427387904,4611686018427387904] has too many elements");
  EXPECT_EQ(input("[9223372036854775807]", "FP64"),
            "input 'a': its shape has 9223372036854775807 elements, fewer are given as data");
  EXPECT_NE(input("[1.5]", "INT32").find("an integer of 64 bits is expected"), std::string::npos);
  EXPECT_NE(input("5", "INT32").find("an array is expected"), std::string::npos);
  EXPECT_EQ(input("[1]", "INT33"), "input 'a': unknown data type 'INT33'");
  EXPECT_EQ(input("[1]", "TYPE_INT32"), "input 'a': unknown data type 'TYPE_INT32'");
  decoding_.limits.max_rank = 2;
  EXPECT_EQ(input("[1,1,1]", "INT32"), "input 'a': the shape has more than 2 dimensions");
}

TEST_F(HttpInferTest, checks_shapes_also_where_no_json_is_read) {
  EXPECT_EQ(fault(R"({"inputs":[{"name":"a","shape":[2305843009213693952],"datatype":"FP64",
                     "parameters":{"binary_data_size":0}}]})"),
            "input 'a': shape [2305843009213693952] has too many elements");
}

TEST_F(HttpInferTest, keeps_ranks_beyond_the_usual) {
  const auto call = decode(
      R"({"inputs":[{"name":"a","shape":[1,1,1,1,1,1,1,2],"datatype":"INT32","data":[1,2]}]})");
  ASSERT_TRUE(call.ok()) << call.status().message();
  EXPECT_EQ(call->request.inputs[0].tensor.shape, (Shape{1, 1, 1, 1, 1, 1, 1, 2}));
}

TEST_F(HttpInferTest, says_where_the_json_is_at_fault) {
  EXPECT_EQ(fault("nonsense"), "the request's JSON, at byte 0: an object is expected");
  EXPECT_EQ(fault(""), "the request's JSON, at byte 0: an object is expected");
  EXPECT_EQ(fault(R"({"inputs":[{"name":5}]})"),
            "input 0: the request's JSON, at byte 19: a string is expected");
  EXPECT_EQ(fault(R"({"inputs":[]} x)"),
            "the request's JSON, at byte 14: nothing is expected behind the end");
  EXPECT_EQ(fault(R"({"unknown":[1,}],"inputs":[]})"),
            "the request's JSON, at byte 14: a value is expected");
  EXPECT_EQ(fault(R"({"inputs":[{"name":"a","data":[1,],"shape":[1],"datatype":"INT32"}]})"),
            "input 'a': the request's JSON, at byte 33: a value is expected");
}

TEST_F(HttpInferTest, passes_over_keys_that_it_does_not_know) {
  EXPECT_TRUE(decode(with(R"("model_name":"m","more":{"a":[{}]})")).ok());
}

TEST_F(HttpInferTest, takes_null_for_what_may_be_left_out) {
  const auto call = decode(
      R"({"id":null,"parameters":null,"outputs":null,
          "inputs":[{"name":"a","shape":[1],"datatype":"INT32","data":[1],"parameters":null}]})");
  ASSERT_TRUE(call.ok()) << call.status().message();
  EXPECT_EQ(call->wishes.id, "");
  EXPECT_TRUE(call->request.outputs.empty());
  EXPECT_FALSE(decode(R"({"id":nul,"inputs":[]})").ok());
  EXPECT_FALSE(decode(R"({"inputs":null})").ok());
}

TEST_F(HttpInferTest, bounds_how_deep_the_json_lies) {
  EXPECT_FALSE(decode(with(R"("deep":)" + std::string(1'000'000, '['))).ok());
  EXPECT_FALSE(decode(R"({"inputs":[{"name":"a","shape":[1],"datatype":"INT32","data":)" +
                      std::string(1'000'000, '['))
                   .ok());
}

TEST_F(HttpInferTest, bounds_everything_by_name) {
  decoding_.limits = {.max_json_depth = 64,
                      .max_tensors = 2,
                      .max_parameters = 2,
                      .max_rank = 2,
                      .max_name_bytes = 4,
                      .max_id_bytes = 3,
                      .max_classes = 5};
  EXPECT_EQ(fault(with(R"("id":"four")")), "the request's id has 4 bytes, the limit is 3");
  EXPECT_EQ(fault(with(R"("parameters":{"a":1,"b":2,"c":3})")), "there are more than 2 parameters");
  EXPECT_EQ(fault(with(R"("parameters":{"abcde":1})")),
            "the name of parameter 'abcde' has more than 4 bytes");
  EXPECT_EQ(fault(with(R"("outputs":[{"name":"a"},{"name":"b"},{"name":"c"}])")),
            "there are more than 2 outputs");
  EXPECT_EQ(fault(R"({"inputs":[{"name":"a","shape":[0],"datatype":"INT32"},
                                {"name":"b","shape":[0],"datatype":"INT32"},
                                {"name":"c","shape":[0],"datatype":"INT32"}]})"),
            "input 2: there are more than 2 inputs");
  EXPECT_EQ(fault(R"({"inputs":[{"name":"abcde"}]})"),
            "input 0: the name of input 'abcde' has more than 4 bytes");
}

TEST_F(HttpInferTest, leaves_numbers_in_shared_memory_until_they_are_needed) {
  const testing::SharedMemoryObject object(raw<float>({0, 1, 2}));
  ASSERT_TRUE(decoding_.regions.add("r", object.key(), 0, 12).ok());
  const auto input = [](std::string_view parameters) {
    return R"({"inputs":[{"name":"a","shape":[2],"datatype":"FP32","parameters":{)" +
           std::string(parameters) + "}}]}";
  };
  const auto call = decode(
      input(R"("shared_memory_region":"r","shared_memory_offset":4,"shared_memory_byte_size":8)"));
  ASSERT_TRUE(call.ok()) << call.status().message();
  EXPECT_TRUE(call->request.inputs[0].tensor.bytes.empty());
  object.overwrite(raw<float>({7, 8, 9}));
  EXPECT_EQ(elements_of<float>(call->request.inputs[0]), (std::vector<float>{8, 9}));

  EXPECT_EQ(fault(input(R"("shared_memory_region":"r")")),
            "input 'a': shape [2] of FP32 takes 8 bytes, 0 given");
  EXPECT_EQ(fault(input(R"("shared_memory_region":"r","shared_memory_byte_size":4)")),
            "input 'a': shape [2] of FP32 takes 8 bytes, 4 given");
  EXPECT_FALSE(
      decode(
          input(
              R"("shared_memory_region":"r","shared_memory_offset":8,"shared_memory_byte_size":8)"))
          .ok());
  EXPECT_FALSE(decode(input(R"("shared_memory_region":"s","shared_memory_byte_size":8)")).ok());
  EXPECT_EQ(fault(input(R"("shared_memory_byte_size":8)")),
            "input 'a': shared_memory_offset and shared_memory_byte_size need a "
            "shared_memory_region");
}

TEST_F(HttpInferTest, tells_where_on_a_gpu_an_input_is) {
  testing::FakeGpu gpu(32);
  SharedMemoryRegions regions(true, {}, gpu.opener());
  ASSERT_TRUE(testing::add_cuda(regions, testing::cuda_order("g", 32)).ok());
  decoding_.context.regions = &regions;
  const auto input = [](std::string_view type) {
    return R"({"inputs":[{"name":"a","shape":[8],"datatype":")" + std::string(type) +
           R"(","parameters":{"shared_memory_region":"g","shared_memory_byte_size":8,)"
           R"("shared_memory_offset":4}}]})";
  };
  {
    const auto call = decode(input("UINT8"));
    ASSERT_TRUE(call.ok()) << call.status().message();
    ASSERT_TRUE(regions.remove("", RegionKind::kCuda).ok());
    const DeviceBytes* const there = call->request.inputs[0].source->device_bytes();
    ASSERT_NE(there, nullptr);
    EXPECT_EQ(there->address, gpu.address() + 4);
    EXPECT_EQ(there->size, 8U);
    EXPECT_EQ(gpu.open_count(), 1) << "the request keeps it";
  }
  EXPECT_EQ(gpu.open_count(), 0);
  ASSERT_TRUE(testing::add_cuda(regions, testing::cuda_order("g", 32)).ok());
  gpu.put(4, "\1\1\1\1\1\1\1\2");
  EXPECT_EQ(fault(input("BOOL")), "input 'a': element 7 is 2, which is no BOOL (0 or 1)");
}

TEST_F(HttpInferTest, reads_what_needs_a_check_at_once) {
  const testing::SharedMemoryObject object(std::string("\1\0\2", 3));
  ASSERT_TRUE(decoding_.regions.add("r", object.key(), 0, 3).ok());
  const auto bools = [](std::string_view offset) {
    return R"({"inputs":[{"name":"a","shape":[2],"datatype":"BOOL","parameters":)"
           R"({"shared_memory_region":"r","shared_memory_byte_size":2,"shared_memory_offset":)" +
           std::string(offset) + "}}]}";
  };
  const auto call = decode(bools("0"));
  ASSERT_TRUE(call.ok()) << call.status().message();
  object.overwrite("\7\7\7");
  EXPECT_EQ(elements_of<char>(call->request.inputs[0].tensor), (std::vector<char>{1, 0}));
  EXPECT_EQ(fault(bools("1")), "input 'a': element 0 is 7, which is no BOOL (0 or 1)");
  EXPECT_EQ(fault(R"({"inputs":[{"name":"a","shape":[1],"datatype":"BYTES","parameters":)"
                  R"({"shared_memory_region":"r","shared_memory_byte_size":0}}]})"),
            "input 'a': the bytes end within element 0 of 1");
}

TEST_F(HttpInferTest, can_read_a_region_that_is_unregistered_but_not_one_that_has_shrunk) {
  const testing::SharedMemoryObject object(raw<float>({1, 2}));
  ASSERT_TRUE(decoding_.regions.add("r", object.key(), 0, 8).ok());
  const auto call = decode(R"({"inputs":[{"name":"a","shape":[2],"datatype":"FP32","parameters":)"
                           R"({"shared_memory_region":"r","shared_memory_byte_size":8}}]})");
  ASSERT_TRUE(call.ok()) << call.status().message();
  ASSERT_TRUE(decoding_.regions.remove("r").ok());
  EXPECT_EQ(elements_of<float>(call->request.inputs[0]), (std::vector<float>{1, 2}));
  object.shrink_to(7);
  std::vector<std::byte> bytes(8);
  const Status shrunk = call->request.inputs[0].source->read(0, bytes);
  EXPECT_EQ(shrunk.code(), StatusCode::kInvalidArgument);
  EXPECT_NE(shrunk.message().find("has become smaller"), std::string_view::npos);
}

TEST_F(HttpInferTest, bounds_what_a_request_reads_from_shared_memory) {
  const testing::SharedMemoryObject object(raw<float>({0, 1, 2, 3}));
  ASSERT_TRUE(decoding_.regions.add("r", object.key(), 0, 16).ok());
  decoding_.limits.max_input_bytes = 12;
  const auto request = [](int first, int second) {
    const auto input = [](std::string_view name, int floats) {
      return R"({"name":")" + std::string(name) + R"(","shape":[)" + std::to_string(floats) +
             R"(],"datatype":"FP32","parameters":{"shared_memory_region":"r",)" +
             R"("shared_memory_byte_size":)" + std::to_string(4 * floats) + "}}";
    };
    return R"({"inputs":[)" + input("a", first) + "," + input("b", second) + "]}";
  };
  EXPECT_TRUE(decode(request(2, 1)).ok());
  EXPECT_EQ(fault(request(2, 2)),
            "input 'b': a request with inputs in shared memory may have 12 bytes of inputs");
  EXPECT_EQ(fault(request(4, 1)),
            "input 'a': a request with inputs in shared memory may have 12 bytes of inputs");
}

TEST_F(HttpInferTest, says_that_shared_memory_is_off) {
  const SharedMemoryRegions off(false);
  decoding_.context.regions = &off;
  const auto call = decode(
      R"({"inputs":[{"name":"a","shape":[2],"datatype":"FP32",
          "parameters":{"shared_memory_region":"r","shared_memory_byte_size":8}}]})");
  EXPECT_EQ(call.status().code(), StatusCode::kUnimplemented);
}

TEST_F(HttpInferTest, knows_where_outputs_go) {
  const testing::SharedMemoryObject object(std::string(100, '\0'));
  ASSERT_TRUE(decoding_.regions.add("r", object.key(), 0, 100).ok());
  const auto call = decode(with(
      R"("outputs":[{"name":"a","parameters":{"binary_data":true}},{"name":"b"},
         {"name":"c","parameters":{"shared_memory_region":"r","shared_memory_offset":10,
                                   "shared_memory_byte_size":20}}])"));
  ASSERT_TRUE(call.ok()) << call.status().message();
  const auto& outputs = call->wishes.outputs;
  EXPECT_TRUE(outputs[0].binary);
  EXPECT_FALSE(outputs[1].binary);
  ASSERT_TRUE(outputs[2].target.has_value());
  EXPECT_EQ(outputs[2].target->size(), 20U);
  EXPECT_EQ(outputs[2].region, "r");
  EXPECT_EQ(outputs[2].region_offset, 10U);
}

}  // namespace
}  // namespace muster
