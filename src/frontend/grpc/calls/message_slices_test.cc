// SPDX-License-Identifier: Apache-2.0
#include "frontend/grpc/calls/message_slices.h"

#include <algorithm>
#include <string>

#include <grpc/slice.h>
#include <grpc/slice_buffer.h>
#include <gtest/gtest.h>

#include "frontend/grpc/testing/grpc_server.h"

namespace muster::testing {
namespace {

// Bytes in slices of one length.
class Slices {
 public:
  Slices(const std::string& bytes, std::size_t length) {
    grpc_slice_buffer_init(&slices_);
    for (std::size_t begin = 0; begin < bytes.size(); begin += length) {
      // Added by index, as otherwise small ones are laid together.
      grpc_slice_buffer_add_indexed(
          &slices_, grpc_slice_from_copied_buffer(bytes.data() + begin,
                                                  std::min(length, bytes.size() - begin)));
    }
  }
  Slices(const Slices&) = delete;
  Slices& operator=(const Slices&) = delete;
  ~Slices() { grpc_slice_buffer_destroy(&slices_); }

  [[nodiscard]] Status parse(oip::ModelInferRequest& message) const {
    const ProtocolLimits limits;
    return parse_slices(slices_, false, 0, &limits, message);
  }

 private:
  grpc_slice_buffer slices_;
};

TEST(MessageSlicesTest, reads_the_same_message_from_slices_of_every_length) {
  oip::ModelInferRequest sent = echo_request("an id");
  sent.add_outputs()->set_name("y");
  (*sent.mutable_parameters())["priority"].set_int64_param(1);
  const std::string bytes = sent.SerializeAsString();
  for (std::size_t length = 1; length <= bytes.size(); ++length) {
    oip::ModelInferRequest read;
    const Status status = Slices(bytes, length).parse(read);
    ASSERT_TRUE(status.ok()) << length << ": " << status.to_string();
    EXPECT_EQ(read.SerializeAsString(), bytes) << length;
  }
}

TEST(MessageSlicesTest, refuses_a_message_that_is_cut_off_anywhere) {
  const std::string bytes = echo_request("an id").SerializeAsString();
  const std::size_t last_field = bytes.size() - 16;
  for (std::size_t kept = last_field; kept < bytes.size(); ++kept) {
    oip::ModelInferRequest read;
    EXPECT_FALSE(Slices(bytes.substr(0, kept), 3).parse(read).ok()) << kept;
  }
}

}  // namespace
}  // namespace muster::testing
