// SPDX-License-Identifier: Apache-2.0
#include "protocol/grpc/infer_message.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include "protocol/grpc/grpc_infer.h"
#include "protocol/testing/bodies.h"
#include "protocol/testing/parsed_infer_request.h"

namespace muster {
namespace {

using Request = ::inference::ModelInferRequest;

// A field with bytes in it: a text, a message, a packed run.
std::string field(int number, std::string_view bytes) {
  std::string written;
  written += static_cast<char>(wire_tag(number, WireType::kBytes));
  if (bytes.size() >= 128) written += static_cast<char>(0x80 | (bytes.size() & 0x7F));
  written += static_cast<char>(bytes.size() >= 128 ? bytes.size() >> 7U : bytes.size());
  written += bytes;
  return written;
}

std::string input(std::string_view bytes) {
  return field(Request::kInputsFieldNumber, bytes);
}
std::string contents(std::string_view bytes) {
  return input(field(Request::InferInputTensor::kContentsFieldNumber, bytes));
}
std::string parameter(std::string_view entry) {
  return field(Request::kParametersFieldNumber, entry);
}
std::string groups(int depth) {
  const auto count = static_cast<std::size_t>(depth);
  return std::string(count, static_cast<char>(wire_tag(9, WireType::kGroupBegin))) +
         std::string(count, static_cast<char>(wire_tag(9, WireType::kGroupEnd)));
}

class InferMessageTest : public ::testing::Test {
 protected:
  // Both parsers take the bytes, and for the same.
  void expect_same(const std::string& bytes) {
    Request parsed;
    EXPECT_TRUE(parsed.ParseFromString(bytes));
    const Status status = read(bytes);
    ASSERT_TRUE(status.ok()) << status.message();
    EXPECT_EQ(testing::difference(message_, parsed), "");
  }
  // Neither does.
  void expect_refused(const std::string& bytes) {
    EXPECT_FALSE(Request().ParseFromString(bytes));
    EXPECT_EQ(fault(bytes), "the bytes are no message inference.ModelInferRequest");
  }
  std::string fault(const std::string& bytes) {
    const Status status = read(bytes);
    return status.ok() ? "" : std::string(status.message());
  }
  // The message is views into what was read last.
  Status read(const std::string& bytes) {
    bytes_ = bytes;
    return message_.read(bytes_, decoding_.limits);
  }
  testing::Decoding decoding_;
  std::string bytes_;
  InferMessage message_;
};

Request full_request() {
  Request request;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(
      R"(model_name: 'm' model_version: '3' id: 'an id \303\244'
         parameters { key: 'a' value { bool_param: true } }
         parameters { key: 'b' value { int64_param: -1 } }
         parameters { key: 'c' value { string_param: 'text' } }
         parameters { key: 'd' value { double_param: 0.5 } }
         parameters { key: 'e' value { uint64_param: 18446744073709551615 } }
         parameters { key: 'f' value { } }
         inputs { name: 'x' datatype: 'FP32' shape: [1, 28, -1]
                  parameters { key: 'p' value { int64_param: 1 } }
                  contents { bool_contents: [true] int_contents: [-1, 300] int64_contents: [-1]
                             uint_contents: [4294967295] uint64_contents: [7]
                             fp32_contents: [1, 2] fp64_contents: [3]
                             bytes_contents: ['', 'abc'] } }
         outputs { name: 'o' parameters { key: 'q' value { int64_param: 1 } } }
         raw_input_contents: 'raw' raw_input_contents: '')",
      &request));
  return request;
}

TEST_F(InferMessageTest, reads_every_field_as_protobuf_does) {
  expect_same("");
  expect_same(full_request().SerializeAsString());
  EXPECT_EQ(message_.id(), "an id \xC3\xA4");
  EXPECT_EQ(message_.inputs()[0].rank, 3U);
  EXPECT_EQ(message_.raw_input_contents()[0], "raw");
}

TEST_F(InferMessageTest, takes_and_refuses_what_is_cut_off_as_protobuf_does) {
  const std::string bytes = full_request().SerializeAsString();
  for (std::size_t kept = 0; kept < bytes.size(); ++kept) {
    const std::string begin = bytes.substr(0, kept);
    EXPECT_EQ(fault(begin).empty(), Request().ParseFromString(begin)) << kept;
  }
}

TEST_F(InferMessageTest, takes_and_refuses_each_changed_byte_as_protobuf_does) {
  const std::string sent = full_request().SerializeAsString();
  for (std::size_t at = 0; at < sent.size(); ++at) {
    for (const int byte : {0, 1, 3, 4, 0x0B, 0x7F, 0x80, 0xC0, 0xFF}) {
      std::string changed = sent;
      changed[at] = static_cast<char>(byte);
      Request parsed;
      const bool takes = parsed.ParseFromString(changed);
      ASSERT_EQ(read(changed).ok(), takes) << at << " " << byte;
      if (takes) {
        EXPECT_EQ(testing::difference(message_, parsed), "") << at << " " << byte;
      }
    }
  }
}

TEST_F(InferMessageTest, keeps_the_last_of_what_is_given_twice) {
  expect_same(field(Request::kIdFieldNumber, "a") + field(Request::kIdFieldNumber, "b"));
  EXPECT_EQ(message_.id(), "b");
  const std::string key = field(1, "k");
  const std::string flag = field(2, "\x08\x01");
  const std::string number = field(2, "\x10\x05");
  expect_same(parameter(key + flag) + parameter(field(1, "j") + flag) + parameter(key + number));
  EXPECT_EQ(message_.parameters().size(), 2U);
  // A value's fields are merged within an entry, not from one entry to the next.
  expect_same(parameter(key + number + flag + field(2, "")));
  expect_same(parameter(key + number) + parameter(key + field(2, "")));
  expect_same(parameter(number + key) + parameter(key + field(1, "l")));
  expect_same(parameter("") + parameter(flag) + parameter(key));
}

TEST_F(InferMessageTest, takes_elements_packed_and_one_by_one) {
  using Message = TypedContents::Message;
  const std::string packed = field(Message::kIntContentsFieldNumber, "\x01\xAC\x02");
  const std::string one("\x10\x7F", 2);
  const std::string input_of_three =
      field(1, "x") + field(2, "INT32") + field(3, "\x03") +
      field(Request::InferInputTensor::kContentsFieldNumber, packed) +
      field(Request::InferInputTensor::kContentsFieldNumber, one);
  expect_same(input(input_of_three));
  InferCall call;
  ASSERT_TRUE(decode_grpc_infer(message_, decoding_.context, call).ok());
  EXPECT_EQ(testing::elements_of<std::int32_t>(call.request.inputs[0].tensor),
            (std::vector<std::int32_t>{1, 300, 127}));
  expect_same(input(std::string("\x18\x05", 2) + field(3, std::string("\x01\x00", 2))));
}

TEST_F(InferMessageTest, drops_the_bits_that_a_number_has_no_room_for) {
  using Message = TypedContents::Message;
  const std::string wide("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F", 10);
  expect_same(contents(field(Message::kIntContentsFieldNumber, wide)));
  expect_same(contents(field(Message::kBoolContentsFieldNumber, wide)));
  expect_refused(contents(field(Message::kIntContentsFieldNumber, "\x80" + wide)));
  expect_refused(contents(field(Message::kIntContentsFieldNumber, "\x01\x80")));
  expect_refused(contents(field(Message::kFp32ContentsFieldNumber, "12345")));
}

TEST_F(InferMessageTest, passes_over_what_it_does_not_know) {
  expect_same(field(12, "abc") + field(Request::kIdFieldNumber, "a"));
  expect_same(std::string("\x08\x05", 2));  // model_name as a number
  expect_same(contents(std::string("\x45\x01\x02\x03\x04", 5)));
  expect_same(input(groups(3) + field(1, "x")));
  expect_same(groups(100));
  expect_refused(groups(101));
  expect_same(contents(groups(98)));
  expect_refused(contents(groups(99)));
  expect_refused(groups(2) + std::string(1, static_cast<char>(wire_tag(9, WireType::kGroupEnd))));
  expect_refused(groups(1).substr(0, 1));
  expect_refused("\x5B\x54");  // ended as another group
}

TEST_F(InferMessageTest, refuses_tags_and_sizes_that_are_none) {
  expect_refused(std::string(1, '\0'));
  expect_refused("\x02");
  expect_refused("\x0E");
  expect_refused("\x80\x80\x80\x80\x80\x01");
  expect_same(std::string("\x9A\x80\x80\x80\x00\x01z", 7));  // the id's tag in 5 bytes
  expect_same(std::string("\x1A\x81\x80\x80\x80\x00z", 7));
  expect_refused(std::string("\x1A\x81\x80\x80\x80\x80\x00z", 8));
  expect_refused("\x1A\xFF\xFF\xFF\xFF\x0Fz");
}

TEST_F(InferMessageTest, refuses_texts_that_are_no_utf8_wherever_protobuf_does) {
  expect_refused(field(Request::kIdFieldNumber, "\xED\xA0\x80"));
  expect_refused(field(Request::kModelNameFieldNumber, "\xC0\x80"));
  expect_refused(parameter(field(1, "\xFF")));
  expect_refused(parameter(field(2, field(3, "\xFF"))));
  expect_refused(input(field(2, "\xF4\x90\x80\x80")));
  expect_refused(field(Request::kOutputsFieldNumber, field(1, "\x80")));
  expect_same(field(Request::kRawInputContentsFieldNumber, "\xFF"));
  expect_same(contents(field(8, "\xFF")));
}

TEST_F(InferMessageTest, counts_tensors_and_parameters_while_it_reads) {
  decoding_.limits.max_tensors = 2;
  decoding_.limits.max_parameters = 1;
  const std::string output = field(Request::kOutputsFieldNumber, "");
  EXPECT_EQ(fault(input("") + input("") + output + output), "");
  EXPECT_EQ(fault(input("") + input("") + input("")),
            "the request has more than 2 inputs or outputs");
  EXPECT_EQ(fault(output + output + output), "the request has more than 2 inputs or outputs");
  const std::string raw = field(Request::kRawInputContentsFieldNumber, "");
  EXPECT_EQ(fault(raw + raw + raw), "the request has more than 2 inputs or outputs");
  EXPECT_EQ(fault(parameter("") + parameter("")), "the request has more than 1 parameters");
  const std::string entry = field(Request::InferInputTensor::kParametersFieldNumber, "");
  EXPECT_EQ(fault(input(entry) + input(entry)), "");
  EXPECT_EQ(fault(input(entry + entry)), "the request has more than 1 parameters of a tensor");
  const std::string of_output = field(2, "");
  EXPECT_EQ(fault(field(Request::kOutputsFieldNumber, of_output + of_output)),
            "the request has more than 1 parameters of a tensor");
}

TEST_F(InferMessageTest, keeps_dimensions_up_to_the_limit_alone) {
  decoding_.limits.max_rank = 2;
  EXPECT_EQ(fault(input(field(3, "\x01\x02\x03\x04\x05"))), "");
  EXPECT_EQ(message_.inputs()[0].rank, 5U);
  EXPECT_EQ(message_.dims(message_.inputs()[0]).size(), 2U);
}

TEST_F(InferMessageTest, tells_what_came_before_the_fault) {
  EXPECT_NE(fault(field(Request::kIdFieldNumber, "an id") + input("\xFF")), "");
  EXPECT_EQ(message_.id(), "an id");
}

TEST_F(InferMessageTest, has_nothing_of_the_last_message) {
  expect_same(full_request().SerializeAsString());
  expect_same("");
  message_.clear();
  EXPECT_TRUE(message_.inputs().empty());
}

}  // namespace
}  // namespace muster
