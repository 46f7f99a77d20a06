// SPDX-License-Identifier: Apache-2.0
// HeadParser: Beast's parser with callbacks that keep the few headers needed, and nothing of the
// others. One request each; bodies are read elsewhere.
#pragma once

#include <boost/beast/http/basic_parser.hpp>

#include "frontend/http/message/request_head.h"

namespace muster {

class HeadParser final : public boost::beast::http::basic_parser<true> {
 public:
  using ErrorCode = boost::beast::error_code;
  using Text = boost::beast::string_view;

  // `head` is borrowed.
  explicit HeadParser(RequestHead& head);

  // Why the last `put` ended in an error; its status is never 0.
  [[nodiscard]] Refusal refusal(const ErrorCode& error) const;

 private:
  void on_request_impl(boost::beast::http::verb method, Text name, Text target, int version,
                       ErrorCode& error) override;
  void on_response_impl(int, Text, int, ErrorCode&) override {}
  void on_field_impl(boost::beast::http::field field, Text name, Text value,
                     ErrorCode& error) override;
  void on_header_impl(ErrorCode& error) override;
  void on_body_init_impl(const boost::optional<std::uint64_t>&, ErrorCode&) override {}
  std::size_t on_body_impl(Text body, ErrorCode&) override { return body.size(); }
  void on_chunk_header_impl(std::uint64_t, Text, ErrorCode&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, Text body, ErrorCode&) override {
    return body.size();
  }
  void on_finish_impl(ErrorCode&) override {}

  void refuse(int status, std::string message, ErrorCode& error);
  void read_unnamed(std::string_view name, std::string_view value, ErrorCode& error);
  void read_body_header(boost::beast::http::field field, std::string_view value, ErrorCode& error);

  RequestHead& head_;
  Refusal refusal_;
  int hosts_ = 0;
  int lengths_ = 0;
};

}  // namespace muster
