// SPDX-License-Identifier: Apache-2.0
#include "protocol/http/chunk_reader.h"

#include <algorithm>

namespace muster {
namespace {

constexpr unsigned kMaxDigits = 15;  // no size that overflows
// Of one chunk's extensions, and of all trailers.
constexpr std::size_t kMaxLineBytes = 4096;

int digit_of(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_control(char c) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < ' ' && c != '\t') || byte == 0x7F;
}

}  // namespace

ChunkReader::Found ChunkReader::next(std::string_view& text, std::string_view& content) noexcept {
  while (state_ != State::kEnd && state_ != State::kMalformed) {
    if (text.empty()) return Found::kNeedBytes;
    if (state_ == State::kContent) {
      content = text.substr(
          0, static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, text.size())));
      text.remove_prefix(content.size());
      remaining_ -= content.size();
      if (remaining_ == 0) state_ = State::kContentCr;
      return Found::kContent;
    }
    take(text.front());
    text.remove_prefix(1);
  }
  return state_ == State::kEnd ? Found::kEnd : Found::kMalformed;
}

void ChunkReader::expect(char c, char wanted, State next) noexcept {
  state_ = c == wanted ? next : State::kMalformed;
}

void ChunkReader::begin_line() noexcept {
  digits_ = 0;
  line_bytes_ = 0;
  remaining_ = 0;
}

void ChunkReader::take_size(char c) noexcept {
  const int digit = digit_of(c);
  if (digit >= 0 && digits_ < kMaxDigits) {
    remaining_ = remaining_ * 16 + static_cast<std::uint64_t>(digit);
    ++digits_;
  } else if (digits_ == 0) {
    state_ = State::kMalformed;
  } else if (c == ';') {
    state_ = State::kExtension;
  } else {
    expect(c, '\r', State::kSizeEnd);
  }
}

void ChunkReader::take(char c) noexcept {
  switch (state_) {
    case State::kSize:
      return take_size(c);
    case State::kExtension:
      if (c == '\r') {
        state_ = State::kSizeEnd;
      } else if (is_control(c) || ++line_bytes_ > kMaxLineBytes) {
        state_ = State::kMalformed;
      }
      return;
    case State::kSizeEnd:
      expect(c, '\n', remaining_ == 0 ? State::kTrailer : State::kContent);
      line_bytes_ = 0;
      return;
    case State::kContentCr:
      return expect(c, '\r', State::kContentLf);
    case State::kContentLf:
      begin_line();
      return expect(c, '\n', State::kSize);
    case State::kTrailer:
    case State::kTrailerLine:
      if (c == '\r') {
        state_ = state_ == State::kTrailer ? State::kLastLf : State::kTrailerLf;
      } else if (is_control(c) || ++line_bytes_ > kMaxLineBytes) {
        state_ = State::kMalformed;
      } else {
        state_ = State::kTrailerLine;
      }
      return;
    case State::kTrailerLf:
      return expect(c, '\n', State::kTrailer);
    case State::kLastLf:
      return expect(c, '\n', State::kEnd);
    case State::kContent:
    case State::kEnd:
    case State::kMalformed:
      return;
  }
}

}  // namespace muster
