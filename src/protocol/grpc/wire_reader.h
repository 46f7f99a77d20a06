// SPDX-License-Identifier: Apache-2.0
// WireReader: one message in protobuf's wire format, field by field, from bytes that lie in one
// piece. It takes and refuses what protobuf's own parser does
// (https://protobuf.dev/programming-guides/encoding).
//
// A failure ends the reading: from then on there is no field, every value is zero or empty, and
// `whole` is false. Texts and bytes are views. No memory is taken.
#pragma once

#include <cstdint>
#include <string_view>

#include "protocol/json/utf8.h"

namespace muster {

enum class WireType : std::uint32_t {
  kVarint = 0,
  kFixed64 = 1,
  kBytes = 2,  // texts, messages and packed runs, too
  kGroupBegin = 3,
  kGroupEnd = 4,
  kFixed32 = 5,
};

[[nodiscard]] constexpr std::uint32_t wire_tag(int field, WireType type) noexcept {
  return (static_cast<std::uint32_t>(field) << 3U) | static_cast<std::uint32_t>(type);
}

class WireReader {
 public:
  explicit WireReader(std::string_view bytes) noexcept : WireReader(bytes, kMaxDepth) {}

  // The tag of the next field, whose value is to be read or skipped; 0 behind the last one.
  [[nodiscard]] std::uint32_t next() noexcept;
  // Whether all of it could be read so far.
  [[nodiscard]] bool whole() const noexcept { return whole_; }
  void fail() noexcept {
    whole_ = false;
    at_ = end_;
  }
  void require(bool holds) noexcept {
    if (!holds) fail();
  }

  // The value behind a tag of that type.
  [[nodiscard]] std::uint64_t varint() noexcept;
  [[nodiscard]] std::uint64_t fixed64() noexcept;
  [[nodiscard]] std::string_view bytes() noexcept;
  // As bytes; UTF-8 alone.
  [[nodiscard]] std::string_view text() noexcept;
  // A message in this one, to be read by itself: its failure is to be handed on by `require`.
  [[nodiscard]] WireReader message() noexcept;
  // As it lies there: the bytes of a number.
  [[nodiscard]] std::string_view varint_bytes() noexcept;
  [[nodiscard]] std::string_view fixed_bytes(std::size_t count) noexcept;
  // What is left, from the next tag or value on.
  [[nodiscard]] std::string_view rest() const noexcept {
    return {at_, static_cast<std::size_t>(end_ - at_)};
  }

  // Passes over the value of any field; groups as a whole.
  void skip(std::uint32_t tag) noexcept;

 private:
  // Messages and groups in each other, the limit of protobuf's parser.
  static constexpr int kMaxDepth = 100;

  WireReader(std::string_view bytes, int depth) noexcept
      : at_(bytes.data()), end_(bytes.data() + bytes.size()), depth_(depth) {}

  [[nodiscard]] std::uint32_t long_tag() noexcept;
  [[nodiscard]] std::uint64_t long_varint() noexcept;
  [[nodiscard]] std::uint32_t long_size() noexcept;
  void skip_group(std::uint32_t begin) noexcept;

  const char* at_;
  const char* end_;
  int depth_;  // how many more may begin inside
  bool whole_ = true;
};

// In the header, as these few are most of the work of a request.
inline std::uint32_t WireReader::next() noexcept {
  if (at_ == end_) return 0;
  const auto first = static_cast<unsigned char>(*at_);
  const std::uint32_t tag = first < 0x80 ? (++at_, first) : long_tag();
  if (tag >= wire_tag(1, WireType::kVarint)) return tag;
  fail();
  return 0;
}

inline std::uint64_t WireReader::varint() noexcept {
  if (at_ != end_ && static_cast<unsigned char>(*at_) < 0x80)
    return static_cast<unsigned char>(*at_++);
  return long_varint();
}

inline std::string_view WireReader::bytes() noexcept {
  const bool is_short = at_ != end_ && static_cast<unsigned char>(*at_) < 0x80;
  const std::uint32_t size = is_short ? static_cast<unsigned char>(*at_++) : long_size();
  return fixed_bytes(size);
}

inline std::string_view WireReader::fixed_bytes(std::size_t count) noexcept {
  if (count > static_cast<std::size_t>(end_ - at_)) {
    fail();
    return {};
  }
  const std::string_view taken(at_, count);
  at_ += count;
  return taken;
}

inline std::string_view WireReader::text() noexcept {
  const std::string_view given = bytes();
  if (is_utf8(given)) return given;
  fail();
  return {};
}

inline WireReader WireReader::message() noexcept {
  if (depth_ == 0) fail();
  return {bytes(), depth_ - 1};
}

}  // namespace muster
