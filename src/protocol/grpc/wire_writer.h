// SPDX-License-Identifier: Apache-2.0
// WireSize and WireWriter: the fields of a message in protobuf's wire format, first counted, then
// written without a bound to check. Both have the same calls, so that one template does both:
//
//   template <typename Out> void put_point(Out& out, const Point& point) {
//     out.number(1, point.x);
//     out.message(2, [&](auto& label) { label.bytes(1, point.name); });
//   }
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "protocol/grpc/wire_reader.h"

namespace muster {

class WireSize {
 public:
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  void number(int field, std::uint64_t value) noexcept {
    size_ += varint(wire_tag(field, WireType::kVarint)) + varint(value);
  }
  // A text as well.
  void bytes(int field, std::string_view bytes) noexcept { piece(field, bytes.size()); }
  void packed(int field, std::span<const std::int64_t> numbers) noexcept {
    piece(field, packed_size(numbers));
  }
  // `put(out)` puts the fields of the message inside.
  template <typename Put>
  void message(int field, const Put& put) noexcept {
    WireSize inner;
    put(inner);
    piece(field, inner.size());
  }

  [[nodiscard]] static std::size_t packed_size(std::span<const std::int64_t> numbers) noexcept {
    std::size_t size = 0;
    for (const std::int64_t number : numbers)
      size += varint(static_cast<std::uint64_t>(number));
    return size;
  }

 private:
  static std::size_t varint(std::uint64_t value) noexcept {
    return static_cast<std::size_t>(std::bit_width(value | 1U) + 6) / 7;
  }
  void piece(int field, std::size_t size) noexcept {
    size_ += varint(wire_tag(field, WireType::kBytes)) + varint(size) + size;
  }

  std::size_t size_ = 0;
};

class WireWriter {
 public:
  // As many bytes as WireSize counts for the same calls are there.
  explicit WireWriter(std::uint8_t* out) noexcept : at_(out) {}

  void number(int field, std::uint64_t value) noexcept {
    varint(wire_tag(field, WireType::kVarint));
    varint(value);
  }
  void bytes(int field, std::string_view bytes) noexcept {
    begin(field, bytes.size());
    if (!bytes.empty()) std::memcpy(at_, bytes.data(), bytes.size());
    at_ += bytes.size();
  }
  void packed(int field, std::span<const std::int64_t> numbers) noexcept {
    begin(field, WireSize::packed_size(numbers));
    for (const std::int64_t number : numbers)
      varint(static_cast<std::uint64_t>(number));
  }
  template <typename Put>
  void message(int field, const Put& put) noexcept {
    WireSize inner;
    put(inner);
    begin(field, inner.size());
    put(*this);
  }

 private:
  void begin(int field, std::size_t size) noexcept {
    varint(wire_tag(field, WireType::kBytes));
    varint(size);
  }
  void varint(std::uint64_t value) noexcept {
    for (; value >= 0x80; value >>= 7U)
      *at_++ = static_cast<std::uint8_t>(value | 0x80U);
    *at_++ = static_cast<std::uint8_t>(value);
  }

  std::uint8_t* at_;
};

}  // namespace muster
