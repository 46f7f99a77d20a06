// SPDX-License-Identifier: Apache-2.0
// ChunkReader: the content of a chunked body (RFC 9112, 7.1), found as it comes.
//
// Strict: lines end with CR LF, sizes are plain hexadecimal. Extensions and trailers are passed
// over.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace muster {

class ChunkReader {
 public:
  enum class Found : std::uint8_t { kNeedBytes, kContent, kEnd, kMalformed };

  // Takes bytes off the front of `text`. After kContent, `content` is a view of some of them; call
  // again. kEnd and kMalformed are final.
  [[nodiscard]] Found next(std::string_view& text, std::string_view& content) noexcept;
  // Bytes of the current chunk that are still to come: what the client says, checked against
  // nothing.
  [[nodiscard]] std::uint64_t announced() const noexcept { return remaining_; }

 private:
  enum class State : std::uint8_t {
    kSize,
    kExtension,
    kSizeEnd,  // LF expected
    kContent,
    kContentCr,
    kContentLf,
    kTrailer,  // at the beginning of a line
    kTrailerLine,
    kTrailerLf,
    kLastLf,
    kEnd,
    kMalformed,
  };

  void take(char c) noexcept;
  void take_size(char c) noexcept;
  void begin_line() noexcept;
  void expect(char c, char wanted, State next) noexcept;

  State state_ = State::kSize;
  std::uint64_t remaining_ = 0;
  unsigned digits_ = 0;
  std::size_t line_bytes_ = 0;  // of extensions since the last chunk, or of all trailers
};

}  // namespace muster
