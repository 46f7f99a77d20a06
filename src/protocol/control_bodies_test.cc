// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "protocol/control_json.h"

namespace muster {
namespace {

const ProtocolLimits kLimits;

template <typename T>
std::string fault(const Result<T>& result) {
  EXPECT_FALSE(result.ok());
  EXPECT_EQ(result.status().code(), StatusCode::kInvalidArgument);
  return std::string(result.status().message());
}

TEST(ControlBodies, may_be_empty) {
  EXPECT_FALSE(parse_index_query("", kLimits)->ready);
  EXPECT_FALSE(parse_index_query(" \r\n", kLimits)->ready);
  EXPECT_FALSE(parse_load_query("", kLimits)->config_json.has_value());
  EXPECT_TRUE(parse_settings("", kLimits)->empty());
}

TEST(ControlBodies, ask_for_what_is_ready) {
  EXPECT_TRUE(parse_index_query(R"({"ready":true,"other":{}})", kLimits)->ready);
  EXPECT_FALSE(parse_index_query(R"({"ready":false})", kLimits)->ready);
  EXPECT_EQ(fault(parse_index_query(R"({"ready":1})", kLimits)),
            "the body's JSON, at byte 9: true or false is expected");
  EXPECT_FALSE(parse_index_query("[]", kLimits).ok());
  EXPECT_FALSE(parse_index_query("{} {}", kLimits).ok());
}

TEST(ControlBodies, bring_a_configuration) {
  const auto query =
      parse_load_query(R"({"parameters":{"config":"{\"max_batch_size\":4}"}})", kLimits);
  ASSERT_TRUE(query.ok()) << query.status().message();
  EXPECT_EQ(query->config_json, "{\"max_batch_size\":4}");
  EXPECT_FALSE(parse_load_query(R"({"parameters":{"config":{}}})", kLimits).ok());
}

TEST(ControlBodies, upload_no_files) {
  EXPECT_EQ(fault(parse_load_query(R"({"parameters":{"file:1/model.onnx":"AAAA"}})", kLimits)),
            "parameter 'file:1/model.onnx': files cannot be uploaded; put the model into the "
            "repository, and load it by its name");
  EXPECT_EQ(fault(parse_load_query(R"({"parameters":{"confg":"{}"}})", kLimits)),
            "unknown parameter 'confg' of a load; 'config' is the one there is");
}

TEST(ControlBodies, register_regions_of_gpus) {
  const auto order = parse_cuda_region_order(
      R"({"byte_size":64,"raw_handle":{"other":1,"b64":"YQBi"},"device_id":3,"other":[]})",
      kLimits);
  ASSERT_TRUE(order.ok()) << order.status().message();
  EXPECT_EQ(order->handle, (std::vector<std::byte>{std::byte{'a'}, std::byte{0}, std::byte{'b'}}));
  EXPECT_EQ(order->device, 3);
  EXPECT_EQ(order->byte_size, 64U);
  EXPECT_EQ(fault(parse_cuda_region_order("", kLimits)), "the body has no 'raw_handle.b64'");
  EXPECT_EQ(
      fault(parse_cuda_region_order(R"({"raw_handle":{"b64":"YQBi"},"byte_size":1})", kLimits)),
      "the body has no 'device_id'");
  EXPECT_EQ(
      fault(parse_cuda_region_order(R"({"raw_handle":{"b64":"YQBi"},"device_id":1})", kLimits)),
      "the body has no 'byte_size'");
  for (const char* wrong :
       {R"({"raw_handle":"YQBi"})", R"({"raw_handle":{"b64":5}})", R"({"raw_handle":{"b64":"Y"}})",
        R"({"raw_handle":{"b64":""}})", R"({"device_id":"0"})", R"({"device_id":0.5})",
        R"({"byte_size":-1})", R"({"byte_size":18446744073709551616})", "[]", "{"})
    EXPECT_EQ(parse_cuda_region_order(wrong, kLimits).status().code(), StatusCode::kInvalidArgument)
        << wrong;
  const std::string large = R"({"raw_handle":{"b64":")" + std::string(1 << 20, 'A') + R"("}})";
  EXPECT_EQ(fault(parse_cuda_region_order(large, kLimits)),
            "raw_handle has 786432 bytes; a cudaIpcMemHandle_t has 64, and none more than 1024");
}

TEST(ControlBodies, register_regions) {
  const auto query =
      parse_region_query(R"({"key":"/k","offset":16,"byte_size":18446744073709551615})", kLimits);
  ASSERT_TRUE(query.ok()) << query.status().message();
  EXPECT_EQ(query->key, "/k");
  EXPECT_EQ(query->offset, 16U);
  EXPECT_EQ(query->byte_size, 18446744073709551615U);
  EXPECT_EQ(parse_region_query(R"({"key":"k","byte_size":1})", kLimits)->offset, 0U);
  EXPECT_EQ(fault(parse_region_query(R"({"byte_size":1})", kLimits)), "the body has no 'key'");
  EXPECT_EQ(fault(parse_region_query(R"({"key":"k"})", kLimits)), "the body has no 'byte_size'");
  EXPECT_FALSE(parse_region_query("", kLimits).ok());
  EXPECT_FALSE(parse_region_query(R"({"key":"k","byte_size":-1})", kLimits).ok());
  EXPECT_FALSE(parse_region_query(R"({"key":"k","byte_size":1.5})", kLimits).ok());
  EXPECT_FALSE(parse_region_query(R"({"key":1,"byte_size":1})", kLimits).ok());
}

TEST(ControlBodies, change_settings_of_every_kind) {
  const auto settings = parse_settings(
      R"({"a":null,"b":false,"c":7,"d":"x","trace_level":["TIMESTAMPS","TENSORS"]})", kLimits);
  ASSERT_TRUE(settings.ok()) << settings.status().message();
  EXPECT_EQ(*settings,
            (Settings{{"a", std::monostate()},
                      {"b", false},
                      {"c", std::uint64_t{7}},
                      {"d", std::string("x")},
                      {"trace_level", std::vector<std::string>{"TIMESTAMPS", "TENSORS"}}}));
  EXPECT_FALSE(parse_settings(R"({"a":{}})", kLimits).ok());
  EXPECT_FALSE(parse_settings(R"({"a":-1})", kLimits).ok());
  EXPECT_FALSE(parse_settings(R"({"a":[1]})", kLimits).ok());
}

TEST(ControlBodies, are_bounded) {
  std::string many = "{";
  for (int i = 0; i < 300; ++i)
    many += "\"k" + std::to_string(i) + "\":1,";
  EXPECT_EQ(fault(parse_settings(many + "\"z\":1}", kLimits)), "there are more than 256 fields");
  EXPECT_FALSE(parse_settings("{\"a\":" + std::string(1'000'000, '['), kLimits).ok());
  EXPECT_FALSE(parse_settings("{\"" + std::string(2000, 'a') + "\":1}", kLimits).ok());
}

}  // namespace
}  // namespace muster
