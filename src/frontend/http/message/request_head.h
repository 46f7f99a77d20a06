// SPDX-License-Identifier: Apache-2.0
// RequestHead: what a request's first lines say, as far as anybody here asks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "frontend/http/message/content_coding.h"

namespace muster {

enum class Method : std::uint8_t { kGet, kHead, kPost, kOther };
[[nodiscard]] std::string_view method_name(Method method) noexcept;

// Why a request is refused before anybody was asked: an HTTP status that no code of ours maps to,
// or one that is known from the first lines alone.
struct Refusal {
  int status = 0;  // 0 = not refused
  std::string message;
};

struct RequestHead {
  Method method = Method::kOther;
  std::string other_method;  // the name of a kOther
  std::string target;        // as it came
  bool is_http_1_0 = false;
  bool keep_alive = true;
  bool chunked = false;
  bool expects_continue = false;
  std::size_t content_length = 0;
  std::optional<std::size_t> json_length;  // Inference-Header-Content-Length
  Coding body_coding = Coding::kIdentity;
  Coding reply_coding = Coding::kIdentity;
  std::string bearer_token;
  std::string content_type;
  std::string request_id;  // X-Request-Id

  [[nodiscard]] bool has_body() const noexcept { return chunked || content_length > 0; }
  // As new, with the memory of its strings.
  void clear() noexcept;
};

// Where the first lines of a request end, found as they come. Refuses what could make two readers
// of one stream see different requests: lines that end without CR, folded headers, NUL.
class HeadEnd {
 public:
  enum class Found : std::uint8_t { kNotYet, kEnd, kMalformed };
  // `text` begins with the request and has grown, or is the same, since the last call.
  [[nodiscard]] Found look(std::string_view text) noexcept;
  // Of the head, after kEnd.
  [[nodiscard]] std::size_t size() const noexcept { return looked_; }
  void restart() noexcept { looked_ = line_ = 0; }

 private:
  std::size_t looked_ = 0;
  std::size_t line_ = 0;  // where the last line began
};

}  // namespace muster
