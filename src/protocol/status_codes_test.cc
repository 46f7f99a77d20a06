// SPDX-License-Identifier: Apache-2.0
#include "protocol/status_codes.h"

#include <gtest/gtest.h>

namespace muster {
namespace {

TEST(StatusCodes, have_the_protocols_http_status) {
  EXPECT_EQ(http_status(StatusCode::kOk), 200);
  EXPECT_EQ(http_status(StatusCode::kInvalidArgument), 400);
  EXPECT_EQ(http_status(StatusCode::kFailedPrecondition), 400);
  EXPECT_EQ(http_status(StatusCode::kUnauthenticated), 401);
  EXPECT_EQ(http_status(StatusCode::kPermissionDenied), 403);
  EXPECT_EQ(http_status(StatusCode::kNotFound), 404);
  EXPECT_EQ(http_status(StatusCode::kOutOfRange), 413);
  EXPECT_EQ(http_status(StatusCode::kInternal), 500);
  EXPECT_EQ(http_status(StatusCode::kUnimplemented), 501);
  EXPECT_EQ(http_status(StatusCode::kResourceExhausted), 503);
  EXPECT_EQ(http_status(StatusCode::kDeadlineExceeded), 503);
  EXPECT_EQ(http_status(StatusCode::kUnavailable), 503);
  EXPECT_EQ(http_status(static_cast<StatusCode>(99)), 500);
}

TEST(StatusCodes, have_a_grpc_code_that_clients_of_the_protocol_know) {
  EXPECT_EQ(grpc_code(StatusCode::kResourceExhausted), 14);
  EXPECT_EQ(grpc_code(StatusCode::kDeadlineExceeded), 14);
  EXPECT_EQ(grpc_code(StatusCode::kDeadlineExceeded, true), 4);
  EXPECT_EQ(grpc_code(StatusCode::kAlreadyExists), 3);
  EXPECT_EQ(grpc_code(StatusCode::kUnknown), 13);
  EXPECT_EQ(grpc_code(StatusCode::kCancelled), 1);
}

TEST(StatusCodes, say_what_is_worth_trying_again) {
  EXPECT_TRUE(is_retryable(StatusCode::kResourceExhausted));
  EXPECT_TRUE(is_retryable(StatusCode::kUnavailable));
  EXPECT_FALSE(is_retryable(StatusCode::kInvalidArgument));
  EXPECT_FALSE(is_retryable(StatusCode::kInternal));
}

TEST(StatusCodes, keep_what_belongs_into_the_log) {
  EXPECT_EQ(client_message(internal_error("/secret/path")).find("secret"), std::string::npos);
  EXPECT_EQ(client_message(not_found("no model 'x'")), "no model 'x'");
}

TEST(StatusCodes, are_told_as_json) {
  EXPECT_EQ(error_json("a \"b\"\n"), R"({"error":"a \"b\"\n"})");
}

}  // namespace
}  // namespace muster
