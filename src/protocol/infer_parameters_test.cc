// SPDX-License-Identifier: Apache-2.0
#include "protocol/infer_parameters.h"

#include <chrono>
#include <cstdint>
#include <limits>
#include <string>

#include <gtest/gtest.h>

#include "protocol/testing/bodies.h"

namespace muster {
namespace {

using namespace std::chrono_literals;

class InferParametersTest : public ::testing::Test {
 protected:
  Status request(std::string_view name, const ParameterValue& value) {
    return apply_request_parameter(name, value, decoding_.context, call_);
  }
  Status add(std::string_view name, const ParameterValue& value) {
    OutputParameters parameters;
    MUSTER_RETURN_IF_ERROR(apply_output_parameter(name, value, parameters));
    return add_output("o", parameters, decoding_.context, call_);
  }
  testing::Decoding decoding_;
  InferCall call_;
};

TEST_F(InferParametersTest, counts_a_timeout_from_now) {
  EXPECT_TRUE(request("timeout", std::int64_t{1500}).ok());
  EXPECT_EQ(call_.request.deadline, decoding_.context.now + 1500us);
}

TEST_F(InferParametersTest, shortens_a_deadline_and_never_moves_it_out) {
  call_.request.deadline = decoding_.context.now + 10us;
  EXPECT_TRUE(request("timeout", std::uint64_t{1500}).ok());
  EXPECT_EQ(call_.request.deadline, decoding_.context.now + 10us);
}

TEST_F(InferParametersTest, takes_no_timeout_and_a_huge_one_for_none) {
  EXPECT_TRUE(request("timeout", std::int64_t{0}).ok());
  EXPECT_TRUE(request("timeout", std::numeric_limits<std::int64_t>::max()).ok());
  EXPECT_TRUE(request("timeout", std::numeric_limits<std::uint64_t>::max()).ok());
  EXPECT_EQ(call_.request.deadline, kNoDeadline);
}

TEST_F(InferParametersTest, checks_types) {
  EXPECT_EQ(request("timeout", std::int64_t{-1}).message(),
            "parameter 'timeout' must be a whole number that is not negative");
  EXPECT_FALSE(request("timeout", 1.5).ok());
  EXPECT_FALSE(request("timeout", std::string_view("1")).ok());
  EXPECT_FALSE(request("timeout", true).ok());
  EXPECT_FALSE(request("timeout", std::monostate()).ok());
  EXPECT_FALSE(request("priority", std::int64_t{-1}).ok());
  EXPECT_FALSE(request("priority", std::string_view("high")).ok());
  EXPECT_FALSE(request("binary_data_output", std::int64_t{1}).ok());
  EXPECT_FALSE(request("triton_enable_empty_final_response", std::int64_t{1}).ok());
}

TEST_F(InferParametersTest, takes_a_priority) {
  EXPECT_TRUE(request("priority", std::uint64_t{3}).ok());
  EXPECT_EQ(call_.request.priority, 3U);
}

TEST_F(InferParametersTest, refuses_sequences_by_name_and_takes_their_neutral_values) {
  EXPECT_EQ(
      request("sequence_id", std::int64_t{7}).message(),
      "parameter 'sequence_id': sequences are not supported; every request stands for itself");
  EXPECT_FALSE(request("sequence_id", std::string_view("a")).ok());
  EXPECT_FALSE(request("sequence_start", true).ok());
  EXPECT_TRUE(request("sequence_id", std::int64_t{0}).ok());
  EXPECT_TRUE(request("sequence_id", std::string_view("")).ok());
  EXPECT_TRUE(request("sequence_start", false).ok());
  EXPECT_TRUE(request("sequence_end", false).ok());
}

TEST_F(InferParametersTest, reserves_the_names_that_triton_reserves) {
  EXPECT_EQ(request("triton_final_response", true).message(),
            "parameter 'triton_final_response': names that start with 'triton_' are reserved");
  EXPECT_TRUE(request("triton_enable_empty_final_response", true).ok());
  EXPECT_TRUE(call_.wishes.final_response);
}

TEST_F(InferParametersTest, passes_over_unknown_ones) {
  EXPECT_TRUE(request("mine", std::string_view("x")).ok());
  EXPECT_TRUE(request("tritonic", 1.5).ok());
  EXPECT_TRUE(add("mine", true).ok());
}

TEST_F(InferParametersTest, takes_a_classification_above_0_alone) {
  EXPECT_TRUE(add("classification", std::int64_t{3}).ok());
  EXPECT_EQ(call_.wishes.outputs[0].classes, 3);
  EXPECT_EQ(add("classification", std::int64_t{0}).message(),
            "parameter 'classification' must be a whole number above 0");
  EXPECT_FALSE(add("classification", std::int64_t{-2}).ok());
  EXPECT_FALSE(add("classification", 2.0).ok());
  EXPECT_EQ(add("classification", std::int64_t{65537}).message(),
            "output 'o': classification of 65537 classes is over the limit of 65536");
}

TEST_F(InferParametersTest, refuses_classes_in_shared_memory) {
  OutputParameters parameters;
  EXPECT_TRUE(apply_output_parameter("classification", std::int64_t{3}, parameters).ok());
  EXPECT_TRUE(
      apply_output_parameter("shared_memory_region", std::string_view("r"), parameters).ok());
  EXPECT_EQ(add_output("o", parameters, decoding_.context, call_).message(),
            "output 'o': classification and shared memory exclude each other");
}

TEST_F(InferParametersTest, checks_the_types_of_shared_memory) {
  EXPECT_FALSE(add("shared_memory_region", std::int64_t{1}).ok());
  EXPECT_FALSE(add("shared_memory_region", std::string_view("")).ok());
  EXPECT_FALSE(add("shared_memory_byte_size", std::int64_t{-1}).ok());
  EXPECT_FALSE(add("shared_memory_offset", std::string_view("0")).ok());
}

}  // namespace
}  // namespace muster
