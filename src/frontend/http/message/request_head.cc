// SPDX-License-Identifier: Apache-2.0
#include "frontend/http/message/request_head.h"

#include <cstring>

namespace muster {

std::string_view method_name(Method method) noexcept {
  switch (method) {
    case Method::kGet:
      return "GET";
    case Method::kHead:
      return "HEAD";
    case Method::kPost:
      return "POST";
    case Method::kOther:
      break;
  }
  return "OTHER";
}

void RequestHead::clear() noexcept {
  method = Method::kOther;
  other_method.clear();
  target.clear();
  is_http_1_0 = false;
  keep_alive = true;
  chunked = false;
  expects_continue = false;
  content_length = 0;
  json_length.reset();
  body_coding = Coding::kIdentity;
  reply_coding = Coding::kIdentity;
  bearer_token.clear();
  content_type.clear();
  request_id.clear();
}

HeadEnd::Found HeadEnd::look(std::string_view text) noexcept {
  while (looked_ < text.size()) {
    const void* found = std::memchr(text.data() + looked_, '\n', text.size() - looked_);
    if (found == nullptr) {
      looked_ = text.size();
      break;
    }
    const auto end = static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
    if (end == line_ || text[end - 1] != '\r') return Found::kMalformed;
    const std::string_view line = text.substr(line_, end - 1 - line_);
    if (line.empty()) {
      looked_ = end + 1;
      return line_ == 0 ? Found::kMalformed : Found::kEnd;
    }
    const bool folded = line_ > 0 && (line.front() == ' ' || line.front() == '\t');
    if (folded || std::memchr(line.data(), '\0', line.size()) != nullptr ||
        std::memchr(line.data(), '\r', line.size()) != nullptr) {
      return Found::kMalformed;
    }
    line_ = looked_ = end + 1;
  }
  return Found::kNotYet;
}

}  // namespace muster
