// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <optional>
#include <utility>

#include <strings.h>

#include "base/text.h"
#include "client/wire.h"
#include "protocol/http/chunk_reader.h"

namespace muster {
namespace {

bool equal_words(std::string_view a, std::string_view b) {
  return a.size() == b.size() && ::strncasecmp(a.data(), b.data(), a.size()) == 0;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
}

struct ReplyHead {
  int status = 0;
  std::optional<std::int64_t> length;
  std::optional<std::int64_t> json_length;  // in front of binary tensors
  bool chunked = false;
  bool says_close = false;
  bool says_keep_alive = false;
};

Status no_reply(std::string_view what) {
  return failed_precondition("the server's answer " + std::string(what));
}

// A list; `close` may stand beside other words, and in another field of that name.
void read_connection(std::string_view value, ReplyHead& head) {
  while (!value.empty()) {
    const std::size_t end = std::min(value.find(','), value.size());
    const std::string_view word = trimmed(value.substr(0, end));
    if (equal_words(word, "close")) head.says_close = true;
    if (equal_words(word, "keep-alive")) head.says_keep_alive = true;
    value.remove_prefix(std::min(end + 1, value.size()));
  }
}

// Of a field that says the same each time, should it be there twice.
bool read_length(std::string_view value, std::optional<std::int64_t>& length) {
  const std::optional<std::int64_t> given = parse_int(value);
  if (!given || *given < 0 || (length && *length != *given)) return false;
  length = given;
  return true;
}

Status read_field(std::string_view line, ReplyHead& head) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return no_reply("has a header without a name");
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = trimmed(line.substr(colon + 1));
  if (equal_words(name, "content-length")) {
    if (!read_length(value, head.length)) return no_reply("has no valid Content-Length");
  } else if (equal_words(name, "inference-header-content-length")) {
    if (!read_length(value, head.json_length))
      return no_reply("has no valid Inference-Header-Content-Length");
  } else if (equal_words(name, "transfer-encoding")) {
    if (!equal_words(value, "chunked")) return no_reply("has an unknown Transfer-Encoding");
    head.chunked = true;
  } else if (equal_words(name, "connection")) {
    read_connection(value, head);
  }
  return {};
}

// `text` ends before the empty line.
Result<ReplyHead> read_head(std::string_view text) {
  ReplyHead head;
  const std::size_t line_end = std::min(text.find("\r\n"), text.size());
  const std::string_view status_line = text.substr(0, line_end);
  const std::optional<std::int64_t> status =
      status_line.size() >= 12 ? parse_int(status_line.substr(9, 3)) : std::nullopt;
  if (!status || *status < 100 || *status > 599) return no_reply("has no HTTP status");
  head.status = static_cast<int>(*status);
  for (std::size_t at = line_end; at < text.size();) {
    at += 2;
    const std::size_t end = std::min(text.find("\r\n", at), text.size());
    MUSTER_RETURN_IF_ERROR(read_field(text.substr(at, end - at), head));
    at = end;
  }
  if (status_line.starts_with("HTTP/1.0") && !head.says_keep_alive) head.says_close = true;
  // These have no body, whatever their headers say of one.
  if (head.status == 204 || head.status == 304) {
    head.length = 0;
    head.chunked = false;
  }
  return head;
}

class HttpWire final : public Wire {
 public:
  explicit HttpWire(const WireLimits& limits) : limits_(limits) {}

  void greet(Outbox&) override {}

  void ask(int, std::string_view request, Outbox& out) override {
    asked_ = true;
    out.refer(request);
  }

  Status take(std::string_view bytes, Outbox&, AnswerListener& listener) override {
    if (!asked_) return no_reply("came without a question");
    received_ += bytes;
    while (!head_) {
      MUSTER_ASSIGN_OR_RETURN(const bool there, take_head());
      if (!there) return {};
    }
    MUSTER_ASSIGN_OR_RETURN(const bool whole, head_->chunked ? take_chunks() : take_plain());
    if (whole) hand_out(listener);
    return {};
  }

  Status end(AnswerListener& listener) override {
    if (!asked_) return {};
    // A body without a length lasts until the connection ends.
    if (!head_ || head_->chunked || head_->length)
      return unavailable(received_.empty() && !head_
                             ? "the server closed the connection without an answer"
                             : "the server closed the connection within an answer");
    body_ = received_;
    hand_out(listener);
    return {};
  }

  [[nodiscard]] bool reusable() const noexcept override { return !closing_; }

 private:
  // False: more is to come.
  Result<bool> take_head() {
    constexpr std::string_view kBegin = "HTTP/1.";
    const std::string_view begin =
        std::string_view(received_).substr(0, std::min(received_.size(), kBegin.size()));
    if (!kBegin.starts_with(begin))
      return no_reply("is not HTTP/1.1; if that port speaks gRPC, the URL begins with grpc://");
    const std::size_t end = received_.find("\r\n\r\n");
    if (end == std::string::npos || end > limits_.max_head_bytes) {
      if (received_.size() <= limits_.max_head_bytes) return false;
      return no_reply("has a head of more than " + std::to_string(limits_.max_head_bytes) +
                      " bytes");
    }
    MUSTER_ASSIGN_OR_RETURN(const ReplyHead head,
                            read_head(std::string_view(received_).substr(0, end)));
    received_.erase(0, end + 4);
    if (head.status < 200) return true;  // it announces another
    head_ = head;
    closing_ = head.says_close || (!head.length && !head.chunked);
    return true;
  }

  Status too_large() const {
    return no_reply("has a body of more than " + std::to_string(limits_.max_reply_bytes) +
                    " bytes");
  }

  Result<bool> take_plain() {
    const std::uint64_t length = static_cast<std::uint64_t>(head_->length.value_or(0));
    if (std::max<std::uint64_t>(length, head_->length ? 0 : received_.size()) >
        limits_.max_reply_bytes)
      return too_large();
    if (!head_->length || received_.size() < length) return false;
    if (received_.size() > length) return no_reply("has more bytes than its Content-Length");
    body_ = received_;
    return true;
  }

  Result<bool> take_chunks() {
    std::string_view rest = received_;
    while (true) {
      std::string_view content;
      switch (chunks_.next(rest, content)) {
        case ChunkReader::Found::kNeedBytes:
          received_.clear();
          return false;
        case ChunkReader::Found::kContent:
          if (content.size() > limits_.max_reply_bytes - joined_.size()) return too_large();
          joined_ += content;
          break;
        case ChunkReader::Found::kEnd:
          if (!rest.empty()) return no_reply("has more bytes than its chunks");
          body_ = joined_;
          return true;
        case ChunkReader::Found::kMalformed:
          return no_reply("has malformed chunks");
      }
    }
  }

  void hand_out(AnswerListener& listener) {
    const int status = head_->status;
    Answer answer{0, Outcome::kFailed, body_, status};
    if (status == 200) answer.outcome = Outcome::kAnswered;
    if (status == 503 || status == 429) answer.outcome = Outcome::kRefused;
    if (head_->json_length) answer.header_bytes = static_cast<std::size_t>(*head_->json_length);
    // All but the bytes that are handed out: the next request may be asked from within.
    head_.reset();
    asked_ = false;
    listener.answered(answer);
    body_ = {};
    received_.clear();
    joined_.clear();
    chunks_ = {};
  }

  const WireLimits limits_;
  std::string received_;  // of the answer's head, or its body
  std::string joined_;    // of chunks
  std::string_view body_;
  std::optional<ReplyHead> head_;
  ChunkReader chunks_;
  bool asked_ = false;
  bool closing_ = false;
};

}  // namespace

std::unique_ptr<Wire> make_http_wire(const WireLimits& limits) {
  return std::make_unique<HttpWire>(limits);
}

}  // namespace muster
