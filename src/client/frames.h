// SPDX-License-Identifier: Apache-2.0
// The frames of HTTP/2 (RFC 9113) as bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace muster {

enum class FrameType : std::uint8_t {
  kData = 0,
  kHeaders = 1,
  kPriority = 2,
  kResetStream = 3,
  kSettings = 4,
  kPushPromise = 5,
  kPing = 6,
  kGoAway = 7,
  kWindowUpdate = 8,
  kContinuation = 9,
};

inline constexpr std::uint8_t kEndStream = 1;   // of DATA and HEADERS
inline constexpr std::uint8_t kAck = 1;         // of SETTINGS and PING
inline constexpr std::uint8_t kEndHeaders = 4;  // of HEADERS and CONTINUATION
inline constexpr std::uint8_t kPadded = 8;      // of DATA and HEADERS
inline constexpr std::uint8_t kPriority = 32;   // of HEADERS

inline constexpr std::size_t kFrameHeadBytes = 9;
inline constexpr std::size_t kFirstFrameBytes = 16384;  // the largest payload, until told otherwise
inline constexpr std::int64_t kFirstWindow = 65535;

// Big-endian.
inline void append_number(std::string& out, std::uint32_t value, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
    out += static_cast<char>(value >> shift & 0xffU);
}

[[nodiscard]] inline std::uint32_t number_at(std::string_view text, std::size_t at,
                                             std::size_t bytes) noexcept {
  std::uint32_t value = 0;
  for (const char c : text.substr(at, bytes))
    value = value << 8U | static_cast<std::uint8_t>(c);
  return value;
}

inline void append_frame_head(std::string& out, std::size_t size, FrameType type,
                              std::uint8_t flags, std::uint32_t stream) {
  append_number(out, static_cast<std::uint32_t>(size), 3);
  out += static_cast<char>(type);
  out += static_cast<char>(flags);
  append_number(out, stream, 4);
}

}  // namespace muster
