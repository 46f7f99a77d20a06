// SPDX-License-Identifier: Apache-2.0
#include "frontend/http/message/head_parser.h"

#include <charconv>
#include <limits>
#include <utility>

#include <boost/beast/http/error.hpp>

#include "base/text.h"
#include "frontend/http/message/header_list.h"

namespace muster {
namespace {

namespace http = boost::beast::http;

std::string_view std_view(HeadParser::Text text) noexcept {
  return {text.data(), text.size()};
}

std::string_view bearer_token_of(std::string_view value) noexcept {
  constexpr std::string_view kScheme = "Bearer";
  if (value.size() <= kScheme.size() || value[kScheme.size()] != ' ' ||
      !equals_ignoring_case(value.substr(0, kScheme.size()), kScheme)) {
    return {};
  }
  return trim(value.substr(kScheme.size()));
}

}  // namespace

HeadParser::HeadParser(RequestHead& head) : head_(head) {
  // Both are checked where the bytes are kept.
  header_limit(std::numeric_limits<std::uint32_t>::max());
  body_limit(boost::none);
  eager(false);
}

Refusal HeadParser::refusal(const ErrorCode& error) const {
  if (refusal_.status != 0) return refusal_;
  if (error == http::error::bad_version) {
    return {505, "only HTTP/1.0 and HTTP/1.1 are understood here"};
  }
  return {400, "the request is not valid HTTP: " + printable(error.message())};
}

void HeadParser::refuse(int status, std::string message, ErrorCode& error) {
  refusal_ = {status, std::move(message)};
  error = http::error::bad_value;
}

void HeadParser::on_request_impl(http::verb method, Text name, Text target, int version,
                                 ErrorCode&) {
  head_.is_http_1_0 = version < 11;
  switch (method) {
    case http::verb::get:
      head_.method = Method::kGet;
      break;
    case http::verb::head:
      head_.method = Method::kHead;
      break;
    case http::verb::post:
      head_.method = Method::kPost;
      break;
    default:
      head_.method = Method::kOther;
      head_.other_method = std_view(name);
      break;
  }
  head_.target.assign(target.data(), target.size());
}

void HeadParser::on_field_impl(http::field field, Text name, Text text, ErrorCode& error) {
  const std::string_view value = std_view(text);
  switch (field) {
    case http::field::unknown:
      read_unnamed(std_view(name), value, error);
      break;
    case http::field::host:
      ++hosts_;
      break;
    case http::field::authorization:
      head_.bearer_token = bearer_token_of(value);
      break;
    case http::field::content_type:
      head_.content_type = value;
      break;
    case http::field::accept_encoding:
      head_.reply_coding = choose_coding(value);
      break;
    case http::field::content_length:
    case http::field::transfer_encoding:
    case http::field::content_encoding:
    case http::field::expect:
      read_body_header(field, value, error);
      break;
    default:
      break;
  }
}

void HeadParser::read_unnamed(std::string_view name, std::string_view value, ErrorCode& error) {
  constexpr std::string_view kJsonLength = "Inference-Header-Content-Length";
  if (name.size() == kJsonLength.size() && equals_ignoring_case(name, kJsonLength)) {
    std::size_t length = 0;
    const auto [end, failure] = std::from_chars(value.data(), value.data() + value.size(), length);
    if (failure != std::errc() || end != value.data() + value.size() || head_.json_length) {
      return refuse(
          400,
          "the header Inference-Header-Content-Length must be one number of bytes, not '" +
              printable(value) + "'",
          error);
    }
    head_.json_length = length;
  } else if (equals_ignoring_case(name, "X-Request-Id")) {
    head_.request_id = value;
  }
}

void HeadParser::read_body_header(http::field field, std::string_view value, ErrorCode& error) {
  if (field == http::field::content_length) {
    if (++lengths_ > 1 || value.find(',') != std::string_view::npos) {
      refuse(400, "the header Content-Length is given more than once", error);
    }
  } else if (field == http::field::transfer_encoding) {
    if (!equals_ignoring_case(value, "chunked")) {
      refuse(501, "Transfer-Encoding '" + printable(value) + "' is not understood; use chunked",
             error);
    }
    head_.chunked = true;
  } else if (field == http::field::content_encoding) {
    const auto coding = parse_content_encoding(value);
    if (!coding || head_.body_coding != Coding::kIdentity) {
      return refuse(501,
                    "Content-Encoding '" + printable(value) +
                        "' is not understood; use gzip, deflate or none",
                    error);
    }
    head_.body_coding = *coding;
  } else if (!equals_ignoring_case(value, "100-continue")) {
    refuse(417, "the header Expect can only be 100-continue", error);
  } else {
    head_.expects_continue = true;
  }
}

void HeadParser::on_header_impl(ErrorCode& error) {
  if (hosts_ > 1 || (hosts_ == 0 && !head_.is_http_1_0)) {
    return refuse(400, "a request needs the header Host once", error);
  }
  if (head_.chunked && head_.is_http_1_0) {
    return refuse(400, "HTTP/1.0 has no Transfer-Encoding", error);
  }
  if (head_.is_http_1_0) head_.expects_continue = false;
  head_.keep_alive = keep_alive();
  const auto length = content_length();
  head_.content_length = length && !head_.chunked ? static_cast<std::size_t>(*length) : 0;
}

}  // namespace muster
