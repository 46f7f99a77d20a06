// SPDX-License-Identifier: Apache-2.0
#include "frontend/http/message/request_reader.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <string>
#include <utility>

#include "frontend/http/message/head_parser.h"
#include "protocol/status_codes.h"

namespace muster {
namespace {

// A request that fits comes with one call. A connection's buffer grows with its requests, and is
// kept up to the larger of these.
constexpr std::size_t kSmallBuffer = std::size_t{8} << 10;
constexpr std::size_t kMaxWholeRequest = std::size_t{32} << 10;
constexpr std::size_t kGrain = std::size_t{4} << 10;
// A longer head is read anew each time: every connection has this memory.
constexpr std::size_t kMaxRememberedHead = std::size_t{1} << 10;
// A smaller body is copied: it would hold a whole buffer while its request waits.
constexpr std::size_t kLeastHandedOver = 512;
// For bodies that go through the buffer.
constexpr std::size_t kLargeBuffer = std::size_t{64} << 10;

std::span<const std::byte> bytes_of(std::string_view text) noexcept {
  return std::as_bytes(std::span(text.data(), text.size()));
}

}  // namespace

Refusal refusal_of(const Status& status) {
  return {http_status(status.code()), client_message(status)};
}

std::string_view RequestReader::buffered() const noexcept {
  return {reinterpret_cast<const char*>(buffer_.data()) + begin_, end_ - begin_};
}

RequestReader::Step RequestReader::step() {
  space_ = {};
  switch (state_) {
    case State::kHead:
      return read_head();
    case State::kBodyBegins:
      return begin_body();
    case State::kFixedBody:
      return read_fixed_body();
    case State::kChunkedBody:
      return read_chunked_body();
    case State::kRefused:
      break;
  }
  return Step::kRefused;
}

void RequestReader::commit(std::size_t received) noexcept {
  if (direct_) {
    body_->commit(received);
    body_bytes_ += received;
    remaining_ -= received;
  } else {
    end_ += received;
  }
}

RequestReader::Step RequestReader::refuse(Refusal refusal) {
  refusal_ = std::move(refusal);
  state_ = State::kRefused;
  return Step::kRefused;
}

void RequestReader::resize_buffer(std::size_t size) {
  if (!buffer_.resize(size)) throw std::bad_alloc();
}

// Free space in the buffer, which grows up to `at_most` bytes.
RequestReader::Step RequestReader::need_bytes(std::size_t at_most) {
  direct_ = false;
  if (begin_ == end_) begin_ = end_ = 0;
  if (begin_ > 0 && end_ == buffer_.size()) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ == buffer_.size()) {
    resize_buffer(std::min(at_most, std::max(kSmallBuffer, buffer_.size() * 2)));
  }
  space_ = {buffer_.data() + end_, buffer_.size() - end_};
  return Step::kNeedBytes;
}

RequestReader::Step RequestReader::read_head() {
  if (begin_ == end_ && buffer_.size() > kMaxWholeRequest) {
    buffer_ = {};
    begin_ = end_ = 0;
  }
  // Empty lines before a request are passed over (RFC 9112, 2.2).
  while (buffered().starts_with("\r\n"))
    begin_ += 2;
  if (take_repeated_head()) return begin_request(remembered_text_.size());
  const HeadEnd::Found found =
      buffered() == "\r" ? HeadEnd::Found::kNotYet : head_end_.look(buffered());
  const bool too_long = found == HeadEnd::Found::kEnd
                            ? head_end_.size() > limits_.max_header_bytes
                            : buffered().size() >= limits_.max_header_bytes;
  if (found == HeadEnd::Found::kMalformed) {
    return refuse({400,
                   "the request is not valid HTTP: a line of its head ends without CR LF, is "
                   "folded, or has a NUL"});
  }
  if (too_long) {
    return refuse({431, "the request's headers have more than " +
                            std::to_string(limits_.max_header_bytes) + " bytes"});
  }
  if (found == HeadEnd::Found::kNotYet) return need_bytes(limits_.max_header_bytes);

  return parse_head();
}

bool RequestReader::take_repeated_head() {
  repeated_ = !remembered_text_.empty() && buffered().starts_with(remembered_text_);
  if (repeated_) head_ = remembered_;
  return repeated_;
}

RequestReader::Step RequestReader::parse_head() {
  head_.clear();
  HeadParser parser(head_);
  const std::string_view text = buffered().substr(0, head_end_.size());
  HeadParser::ErrorCode error;
  static_cast<void>(parser.put({text.data(), text.size()}, error));
  if (error || !parser.is_header_done()) return refuse(parser.refusal(error));
  remember_head(text);
  return begin_request(text.size());
}

void RequestReader::remember_head(std::string_view text) {
  if (text.size() > kMaxRememberedHead) {
    remembered_text_.clear();
    return;
  }
  remembered_ = head_;
  remembered_text_ = text;
}

RequestReader::Step RequestReader::begin_request(std::size_t head_bytes) {
  begin_ += head_bytes;
  head_end_.restart();
  body_.reset();
  inflater_.reset();
  chunks_ = {};
  body_bytes_ = 0;
  remaining_ = head_.content_length;
  chunked_ = head_.chunked;
  coding_ = head_.body_coding;
  state_ = State::kBodyBegins;
  // For the next one, which will be its like.
  const std::size_t whole = head_bytes + std::min(remaining_, kMaxWholeRequest);
  if (whole > buffer_.size() && whole <= kMaxWholeRequest) {
    resize_buffer((whole + kGrain - 1) / kGrain * kGrain);
  }
  return Step::kHead;
}

RequestReader::Step RequestReader::begin_body() {
  if (remaining_ > body_limit()) {
    return refuse({413, "the body has " + std::to_string(remaining_) + " bytes, at most " +
                            std::to_string(body_limit())});
  }
  if (keeping_) {
    const bool coded = coding_ != Coding::kIdentity;
    const std::size_t inflated_limit = std::min(limits_.max_decompressed_bytes, at_most_);
    const std::size_t limit = coded ? inflated_limit : body_limit();
    if (body_) {
      body_->restart(limit);
    } else {
      body_ = std::make_shared<RequestBody>(limit);
    }
    if (coded && (chunked_ || remaining_ > 0)) {
      auto inflater = Inflater::make(coding_, inflated_limit);
      if (!inflater.ok()) return refuse(refusal_of(inflater.status()));
      inflater_ = std::move(inflater).value();
    } else if (remaining_ > 0 && !fills_buffer()) {
      const Status room = body_->reserve(remaining_);
      if (!room.ok()) return refuse(refusal_of(room));
    }
  }
  state_ = chunked_ ? State::kChunkedBody : State::kFixedBody;
  return step();
}

Status RequestReader::keep(std::span<const std::byte> piece) {
  if (!keeping_) return {};
  return inflater_ ? inflater_->feed(piece, *body_) : body_->append(piece);
}

bool RequestReader::fills_buffer() const noexcept {
  return keeping_ && !inflater_ && body_bytes_ == 0 && remaining_ == end_ - begin_ &&
         remaining_ >= kLeastHandedOver;
}

void RequestReader::hand_buffer_over() {
  const std::size_t size = buffer_.size();
  body_->adopt(buffer_, begin_, remaining_);
  body_bytes_ = std::exchange(remaining_, 0);
  begin_ = end_ = 0;
  // Memory of an earlier body, or none. The next request is this one's like.
  if (buffer_.size() < size) {
    buffer_ = {};
    resize_buffer(size);
  }
}

RequestReader::Step RequestReader::read_fixed_body() {
  if (fills_buffer()) {
    hand_buffer_over();
    return finish();
  }
  const std::size_t here = std::min(remaining_, end_ - begin_);
  if (here > 0) {
    const Status kept = keep(bytes_of(buffered().substr(0, here)));
    if (!kept.ok()) return refuse(refusal_of(kept));
    begin_ += here;
    remaining_ -= here;
    body_bytes_ += here;
  }
  if (remaining_ == 0) return finish();
  if (!keeping_ || inflater_) return need_bytes(kLargeBuffer);
  auto room = body_->space(remaining_);
  if (!room.ok()) return refuse(refusal_of(room.status()));
  direct_ = true;
  space_ = *room;
  return Step::kNeedBytes;
}

RequestReader::Step RequestReader::read_chunked_body() {
  while (true) {
    std::string_view rest = buffered();
    std::string_view content;
    const ChunkReader::Found found = chunks_.next(rest, content);
    begin_ = end_ - rest.size();
    // Refused by what a chunk announces, before its bytes come.
    const std::size_t left = body_limit() - std::min(body_limit(), body_bytes_);
    if (content.size() + chunks_.announced() > left) {
      return refuse({413, "the body has more than " + std::to_string(body_limit()) + " bytes"});
    }
    body_bytes_ += content.size();
    switch (found) {
      case ChunkReader::Found::kNeedBytes:
        return need_bytes(kLargeBuffer);
      case ChunkReader::Found::kEnd:
        return finish();
      case ChunkReader::Found::kMalformed:
        return refuse({400, "the chunked body is malformed"});
      case ChunkReader::Found::kContent:
        break;
    }
    const Status kept = keep(bytes_of(content));
    if (!kept.ok()) return refuse(refusal_of(kept));
  }
}

RequestReader::Step RequestReader::finish() {
  if (inflater_ && keeping_) {
    const Status whole = inflater_->finish();
    if (!whole.ok()) return refuse(refusal_of(whole));
  }
  state_ = State::kHead;
  return Step::kRequest;
}

std::shared_ptr<RequestBody> RequestReader::take_body() {
  if (!body_) body_ = std::make_shared<RequestBody>(0);
  return std::exchange(body_, nullptr);
}

}  // namespace muster
