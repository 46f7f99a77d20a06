// SPDX-License-Identifier: Apache-2.0
#include "protocol/status_codes.h"

#include <array>

#include "protocol/json/json_writer.h"

namespace muster {
namespace {

struct Row {
  StatusCode code;
  int http;
  StatusCode grpc;
  bool retryable;
};

// In the order of the codes.
constexpr auto kRows = std::to_array<Row>({
    {StatusCode::kOk, 200, StatusCode::kOk, false},
    {StatusCode::kCancelled, 499, StatusCode::kCancelled, false},
    {StatusCode::kUnknown, 500, StatusCode::kInternal, false},
    {StatusCode::kInvalidArgument, 400, StatusCode::kInvalidArgument, false},
    {StatusCode::kDeadlineExceeded, 503, StatusCode::kUnavailable, true},
    {StatusCode::kNotFound, 404, StatusCode::kNotFound, false},
    {StatusCode::kAlreadyExists, 400, StatusCode::kInvalidArgument, false},
    {StatusCode::kPermissionDenied, 403, StatusCode::kPermissionDenied, false},
    {StatusCode::kResourceExhausted, 503, StatusCode::kUnavailable, true},
    {StatusCode::kFailedPrecondition, 400, StatusCode::kInvalidArgument, false},
    {StatusCode::kAborted, 503, StatusCode::kUnavailable, true},
    {StatusCode::kOutOfRange, 413, StatusCode::kInvalidArgument, false},
    {StatusCode::kUnimplemented, 501, StatusCode::kUnimplemented, false},
    {StatusCode::kInternal, 500, StatusCode::kInternal, false},
    {StatusCode::kUnavailable, 503, StatusCode::kUnavailable, true},
    {StatusCode::kDataLoss, 500, StatusCode::kInternal, false},
    {StatusCode::kUnauthenticated, 401, StatusCode::kUnauthenticated, false},
});

const Row& row_of(StatusCode code) noexcept {
  const auto index = static_cast<std::size_t>(code);
  return index < kRows.size() ? kRows[index]
                              : kRows[static_cast<std::size_t>(StatusCode::kUnknown)];
}

}  // namespace

int http_status(StatusCode code) noexcept {
  return row_of(code).http;
}

std::string_view http_reason(int status) noexcept {
  switch (status) {
    case 100:
      return "Continue";
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 411:
      return "Length Required";
    case 413:
      return "Content Too Large";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 431:
      return "Request Header Fields Too Large";
    case 499:
      return "Client Closed Request";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Unknown";
  }
}

bool is_retryable(StatusCode code) noexcept {
  return row_of(code).retryable;
}

int grpc_code(StatusCode code, bool deadline_is_the_calls) noexcept {
  if (code == StatusCode::kDeadlineExceeded && deadline_is_the_calls) {
    return static_cast<int>(StatusCode::kDeadlineExceeded);
  }
  return static_cast<int>(row_of(code).grpc);
}

std::string client_message(const Status& status) {
  switch (status.code()) {
    case StatusCode::kInternal:
    case StatusCode::kUnknown:
    case StatusCode::kDataLoss:
      return "the request failed inside the server; its log tells why";
    default:
      return std::string(status.message());
  }
}

std::string error_json(std::string_view message) {
  std::string json = R"({"error":)";
  append_json_string(json, message);
  json += '}';
  return json;
}

}  // namespace muster
