// SPDX-License-Identifier: Apache-2.0
#include "frontend/grpc/calls/message_slices.h"

#include <string>

#include <gtest/gtest.h>

#include "frontend/grpc/testing/grpc_server.h"
#include "frontend/grpc/testing/sliced_message.h"

namespace muster::testing {
namespace {

Status parse(const std::string& bytes, std::size_t length, oip::ModelInferRequest& message) {
  return parse_slices(SlicedMessage(bytes, length).slices(), false, 0, message);
}

TEST(MessageSlicesTest, reads_the_same_message_from_slices_of_every_length) {
  oip::ModelInferRequest sent = echo_request("an id");
  sent.add_outputs()->set_name("y");
  (*sent.mutable_parameters())["priority"].set_int64_param(1);
  const std::string bytes = sent.SerializeAsString();
  for (std::size_t length = 1; length <= bytes.size(); ++length) {
    oip::ModelInferRequest read;
    const Status status = parse(bytes, length, read);
    ASSERT_TRUE(status.ok()) << length << ": " << status.to_string();
    EXPECT_EQ(read.SerializeAsString(), bytes) << length;
  }
}

TEST(MessageSlicesTest, refuses_a_message_that_is_cut_off_anywhere) {
  const std::string bytes = echo_request("an id").SerializeAsString();
  const std::size_t last_field = bytes.size() - 16;
  for (std::size_t kept = last_field; kept < bytes.size(); ++kept) {
    oip::ModelInferRequest read;
    EXPECT_FALSE(parse(bytes.substr(0, kept), 3, read).ok()) << kept;
  }
}

}  // namespace
}  // namespace muster::testing
