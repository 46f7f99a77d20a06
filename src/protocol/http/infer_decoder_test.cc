// SPDX-License-Identifier: Apache-2.0
#include "protocol/http/infer_decoder.h"

#include <chrono>
#include <string>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>

#include "protocol/testing/bodies.h"
#include "protocol/testing/shared_memory_object.h"

namespace muster {
namespace {

using testing::body_of;
using testing::Decoding;
using testing::elements_of;
using testing::raw;

class InferDecoderTest : public ::testing::Test {
 protected:
  Result<InferCall> decode(const std::string& json, const std::string& binary) {
    return decoder_.decode(body_of(json + binary), json.size(), decoding_.context);
  }
  InferCall decoded(const std::string& json, const std::string& binary) {
    Result<InferCall> call = decode(json, binary);
    EXPECT_TRUE(call.ok()) << call.status().to_string();
    return std::move(call).value();
  }
  InferDecoder decoder_;
  Decoding decoding_;
};

std::string row(std::size_t bytes, const std::string& fields = "",
                const std::string& type = "INT32") {
  return "{" + fields + R"("inputs":[{"name":"x","shape":[2],"datatype":")" + type +
         R"(","parameters":{"binary_data_size":)" + std::to_string(bytes) + "}}]}";
}

TEST_F(InferDecoderTest, reads_the_tensors_of_each_request_behind_a_json_that_repeats) {
  const std::string json =
      R"({"id":"7","parameters":{"priority":2,"timeout":5000,"binary_data_output":true},)"
      R"("inputs":[{"name":"x","shape":[2],"datatype":"INT32","parameters":{"binary_data_size":8}},)"
      R"({"name":"none","shape":[0],"datatype":"FP32","parameters":{"binary_data_size":0}},)"
      R"({"name":"y","shape":[1],"datatype":"INT64","parameters":{"binary_data_size":8}}],)"
      R"("outputs":[{"name":"o","parameters":{"classification":3}},{"name":"p"}]})";
  for (std::int32_t round = 0; round < 3; ++round) {
    decoding_.context.now += std::chrono::seconds(1);
    const std::vector<std::int32_t> x = {round, -round};
    const std::vector<std::int64_t> y = {100 + round};
    const InferCall call = decoded(json, raw(x) + raw(y));
    EXPECT_EQ(call.request.id, "7");
    EXPECT_EQ(call.request.priority, 2U);
    EXPECT_EQ(call.request.deadline, decoding_.context.now + std::chrono::milliseconds(5));
    EXPECT_EQ(call.request.outputs, (std::vector<std::string>{"o", "p"}));
    ASSERT_EQ(call.request.inputs.size(), 3U);
    EXPECT_EQ(call.request.inputs[0].name, "x");
    EXPECT_EQ(call.request.inputs[0].tensor.shape, Shape({2}));
    EXPECT_EQ(elements_of<std::int32_t>(call.request.inputs[0].tensor), x);
    EXPECT_EQ(call.request.inputs[1].tensor.type, DataType::kFp32);
    EXPECT_TRUE(call.request.inputs[1].tensor.bytes.empty());
    EXPECT_EQ(elements_of<std::int64_t>(call.request.inputs[2].tensor), y);
    EXPECT_EQ(call.wishes.id, "7");
    EXPECT_TRUE(call.wishes.binary);
    ASSERT_EQ(call.wishes.outputs.size(), 2U);
    EXPECT_EQ(call.wishes.outputs[0].classes, 3);
    EXPECT_EQ(call.wishes.outputs[1].name, "p");
  }
}

TEST_F(InferDecoderTest, checks_elements_also_behind_a_json_that_repeats) {
  const std::string json = row(2, "", "BOOL");
  EXPECT_TRUE(decode(json, std::string("\x01\x00", 2)).ok());
  const auto refused = decode(json, "\x01\x02");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.status().message(), "input 'x': element 1 is 2, which is no BOOL (0 or 1)");
  EXPECT_TRUE(decode(json, std::string("\x00\x01", 2)).ok());
}

TEST_F(InferDecoderTest, does_not_take_another_request_for_the_last_one) {
  const std::string bytes = raw<std::int32_t>({1, 2});
  EXPECT_EQ(decoded(row(8, R"("id":"a",)"), bytes).request.id, "a");
  EXPECT_EQ(decoded(row(8, R"("id":"b",)"), bytes).request.id, "b");
  EXPECT_EQ(decoded(row(8), bytes).request.id, "");
  EXPECT_EQ(decoded(row(8), bytes).request.deadline, kNoDeadline);
  // The same JSON, and a byte too many or too few behind it.
  EXPECT_FALSE(decode(row(8), bytes + "x").ok());
  EXPECT_FALSE(decode(row(8), bytes.substr(1)).ok());
  EXPECT_TRUE(decode(row(8), bytes).ok());
  // The same bytes, of which fewer are JSON.
  const std::string json = row(8);
  EXPECT_FALSE(decoder_.decode(body_of(json + bytes), json.size() - 1, decoding_.context).ok());
  EXPECT_FALSE(decoder_.decode(body_of(json + bytes), json.size() + 99, decoding_.context).ok());
  EXPECT_FALSE(decoder_.decode(body_of(json + bytes), std::nullopt, decoding_.context).ok());
}

TEST_F(InferDecoderTest, asks_for_regions_again_each_time) {
  const testing::SharedMemoryObject memory(raw<std::int32_t>({3, 4}));
  ASSERT_TRUE(decoding_.regions.add("r", memory.key(), 0, 8).ok());
  const std::string input = R"({"inputs":[{"name":"x","shape":[2],"datatype":"INT32","parameters":)"
                            R"({"shared_memory_region":"r","shared_memory_byte_size":8}}]})";
  const std::string output = R"({"outputs":[{"name":"o","parameters":{"shared_memory_region":"r",)"
                             R"("shared_memory_byte_size":8}}],"inputs":[]})";
  for (const std::string& json : {input, output}) {
    EXPECT_TRUE(decode(json, "").ok());
    EXPECT_TRUE(decode(json, "").ok());
    ASSERT_TRUE(decoding_.regions.remove("").ok());
    const auto refused = decode(json, "");
    EXPECT_NE(refused.status().message().find("there is no shared memory region 'r'"),
              std::string_view::npos);
    EXPECT_EQ(refused.status().message(),
              decode_http_infer(body_of(json), json.size(), decoding_.context).status().message());
    ASSERT_TRUE(decoding_.regions.add("r", memory.key(), 0, 8).ok());
  }
}

TEST_F(InferDecoderTest, finds_what_a_region_s_name_stands_for_by_now) {
  const testing::SharedMemoryObject first(raw<std::int32_t>({1, 2, 3}));
  const testing::SharedMemoryObject second(raw<std::int32_t>({7, 8, 9}));
  const std::string json =
      R"({"inputs":[{"name":"x","shape":[2],"datatype":"INT32","parameters":)"
      R"({"shared_memory_region":"r","shared_memory_offset":4,"shared_memory_byte_size":8}}],)"
      R"("outputs":[{"name":"plain"},{"name":"o","parameters":{"shared_memory_region":"r",)"
      R"("shared_memory_offset":8,"shared_memory_byte_size":4}}]})";
  // Whole bodies of JSON, as clients send them that have no binary tensors.
  const auto decode_all = [&] {
    auto call = decoder_.decode(body_of(json), std::nullopt, decoding_.context);
    EXPECT_TRUE(call.ok()) << call.status().to_string();
    return std::move(call).value();
  };
  for (const auto* memory : {&first, &second}) {
    ASSERT_TRUE(decoding_.regions.add("r", memory->key(), 0, 12).ok());
    for (int round = 0; round < 2; ++round) {
      const InferCall call = decode_all();
      EXPECT_EQ(
          elements_of<std::int32_t>(call.request.inputs.at(0)),
          (memory == &first ? std::vector<std::int32_t>{2, 3} : std::vector<std::int32_t>{8, 9}));
      ASSERT_EQ(call.wishes.outputs.size(), 2U);
      EXPECT_FALSE(call.wishes.outputs[0].target.has_value());
      const OutputWish& wish = call.wishes.outputs[1];
      ASSERT_TRUE(wish.target.has_value());
      EXPECT_EQ(wish.region, "r");
      EXPECT_EQ(wish.region_offset, 8U);
      EXPECT_EQ(wish.target->size(), 4U);
      ASSERT_TRUE(wish.target->write(std::as_bytes(std::span("out", 4))).ok());
      EXPECT_EQ(memory->read(12).substr(8), std::string("out", 4));
      memory->overwrite(memory == &first ? raw<std::int32_t>({1, 2, 3})
                                         : raw<std::int32_t>({7, 8, 9}));
    }
    ASSERT_TRUE(decoding_.regions.remove("r").ok());
  }
}

TEST_F(InferDecoderTest, holds_no_region_between_requests) {
  const auto open_files = [] {
    int count = 0;
    for (int file = 0; file < 1024; ++file)
      count += ::fcntl(file, F_GETFD) >= 0 ? 1 : 0;
    return count;
  };
  const testing::SharedMemoryObject memory(raw<std::int32_t>({3, 4}));
  const int before = open_files();
  ASSERT_TRUE(decoding_.regions.add("r", memory.key(), 0, 8).ok());
  const std::string json =
      R"({"inputs":[{"name":"x","shape":[2],"datatype":"INT32","parameters":)"
      R"({"shared_memory_region":"r","shared_memory_byte_size":8}}],"outputs":[{"name":"o",)"
      R"("parameters":{"shared_memory_region":"r","shared_memory_byte_size":8}}]})";
  for (int round = 0; round < 2; ++round)
    EXPECT_TRUE(decode(json, "").ok());
  ASSERT_TRUE(decoding_.regions.remove("r").ok());
  EXPECT_EQ(open_files(), before);
}

TEST_F(InferDecoderTest, reads_tensors_behind_the_json_beside_those_in_regions) {
  const testing::SharedMemoryObject memory(raw<std::int32_t>({3, 4}));
  ASSERT_TRUE(decoding_.regions.add("r", memory.key(), 0, 8).ok());
  const std::string json =
      R"({"inputs":[{"name":"a","shape":[1],"datatype":"INT32","parameters":{"binary_data_size":4}},)"
      R"({"name":"x","shape":[2],"datatype":"INT32","parameters":)"
      R"({"shared_memory_region":"r","shared_memory_byte_size":8}},)"
      R"({"name":"b","shape":[1],"datatype":"INT32","parameters":{"binary_data_size":4}}]})";
  for (std::int32_t round = 0; round < 3; ++round) {
    const InferCall call = decoded(json, raw<std::int32_t>({round, -round}));
    ASSERT_EQ(call.request.inputs.size(), 3U);
    EXPECT_EQ(elements_of<std::int32_t>(call.request.inputs[0]), std::vector<std::int32_t>{round});
    EXPECT_EQ(elements_of<std::int32_t>(call.request.inputs[1]), (std::vector<std::int32_t>{3, 4}));
    EXPECT_EQ(elements_of<std::int32_t>(call.request.inputs[2]), std::vector<std::int32_t>{-round});
  }
}

TEST_F(InferDecoderTest, reads_elements_in_json_anew) {
  const std::string json = R"({"inputs":[{"name":"x","shape":[1],"datatype":"INT32","data":[7]}]})";
  for (int round = 0; round < 2; ++round) {
    const InferCall call = decoded(json, "");
    EXPECT_EQ(elements_of<std::int32_t>(call.request.inputs.at(0).tensor),
              std::vector<std::int32_t>{7});
  }
}

TEST_F(InferDecoderTest, reads_a_json_that_is_too_long_to_keep) {
  const std::string json =
      row(8, R"("id":")" + std::string(InferDecoder::kMaxKeptBytes, 'x') + R"(",)");
  for (int round = 0; round < 2; ++round)
    EXPECT_EQ(decoded(json, raw<std::int32_t>({1, 2})).request.id.size(),
              InferDecoder::kMaxKeptBytes);
}

}  // namespace
}  // namespace muster
