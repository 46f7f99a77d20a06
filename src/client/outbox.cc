// SPDX-License-Identifier: Apache-2.0
#include "client/outbox.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include <sys/socket.h>
#include <sys/uio.h>

namespace muster {

void Outbox::append(std::string_view bytes) {
  if (bytes.empty()) return;
  own_ += bytes;
  bytes_in_ += bytes.size();
  if (!pieces_.empty() && pieces_.back().foreign == nullptr) {
    pieces_.back().size += bytes.size();
  } else {
    pieces_.push_back({nullptr, bytes.size()});
  }
}

void Outbox::refer(std::string_view bytes) {
  if (bytes.size() < kCopiedBytes) return append(bytes);
  pieces_.push_back({bytes.data(), bytes.size()});
  bytes_in_ += bytes.size();
}

void Outbox::clear() noexcept {
  own_.clear();
  pieces_.clear();
  next_ = own_sent_ = 0;
  bytes_out_ = bytes_in_;
}

void Outbox::trim() noexcept {
  if (own_sent_ > kKeptBytes && own_sent_ > own_.size() / 2) {
    own_.erase(0, own_sent_);
    own_sent_ = 0;
  }
  if (next_ > kKeptPieces && next_ > pieces_.size() / 2) {
    pieces_.erase(pieces_.begin(), pieces_.begin() + static_cast<std::ptrdiff_t>(next_));
    next_ = 0;
  }
}

void Outbox::drop(std::size_t sent) noexcept {
  bytes_out_ += sent;
  while (next_ < pieces_.size()) {
    Piece& piece = pieces_[next_];
    const std::size_t part = std::min(sent, piece.size);
    sent -= part;
    piece.size -= part;
    if (piece.foreign == nullptr) {
      own_sent_ += part;
    } else {
      piece.foreign += part;
    }
    if (piece.size > 0) return trim();
    ++next_;
  }
  clear();
}

Status Outbox::send_to(int socket) {
  constexpr std::size_t kPiecesAtOnce = 64;
  while (!empty()) {
    std::array<iovec, kPiecesAtOnce> parts;  // NOLINT: written below
    std::size_t count = 0;
    std::size_t own = own_sent_;
    for (std::size_t i = next_; i < pieces_.size() && count < kPiecesAtOnce; ++i, ++count) {
      const Piece& piece = pieces_[i];
      const char* const at = piece.foreign != nullptr ? piece.foreign : own_.data() + own;
      if (piece.foreign == nullptr) own += piece.size;
      parts[count] = {const_cast<char*>(at), piece.size};
    }
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = count;
    const ssize_t sent = ::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return {};
    if (sent < 0) return unavailable(std::generic_category().message(errno));
    drop(static_cast<std::size_t>(sent));
  }
  return {};
}

}  // namespace muster
