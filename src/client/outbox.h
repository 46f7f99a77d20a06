// SPDX-License-Identifier: Apache-2.0
// Outbox: bytes on their way into a socket, in order: short ones copied, long ones where they lie.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <muster/status.h>

namespace muster {

class Outbox {
 public:
  // Copied.
  void append(std::string_view bytes);
  // Must stay as they are until they are sent or cleared, unless they are short.
  void refer(std::string_view bytes);
  [[nodiscard]] bool empty() const noexcept { return pieces_.empty(); }
  void clear() noexcept;
  // Bytes that were put in and that left, sent or cleared, since the beginning: what was put in
  // when `bytes_in` was N has left when `bytes_out` is N or more.
  [[nodiscard]] std::uint64_t bytes_in() const noexcept { return bytes_in_; }
  [[nodiscard]] std::uint64_t bytes_out() const noexcept { return bytes_out_; }
  // As much as the socket takes now. kUnavailable: the connection is broken.
  [[nodiscard]] Status send_to(int socket);

 private:
  // Below that, copying is cheaper than one more piece of a gathering write.
  static constexpr std::size_t kCopiedBytes = 4096;
  // What is kept of what was sent while there is always more to send, besides as much again as is
  // not sent.
  static constexpr std::size_t kKeptBytes = std::size_t{1} << 16;
  static constexpr std::size_t kKeptPieces = 1024;

  struct Piece {
    const char* foreign;  // null: the next bytes of `own_`
    std::size_t size;
  };
  void drop(std::size_t sent) noexcept;
  void trim() noexcept;

  std::string own_;
  std::vector<Piece> pieces_;
  std::size_t next_ = 0;      // of pieces_
  std::size_t own_sent_ = 0;  // of own_
  std::uint64_t bytes_in_ = 0;
  std::uint64_t bytes_out_ = 0;
};

}  // namespace muster
