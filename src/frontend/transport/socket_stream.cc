// SPDX-License-Identifier: Apache-2.0
#include "frontend/transport/socket_stream.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/log.h"
#include "frontend/socket_address.h"

namespace muster {
namespace {

constexpr std::uint32_t kInput = EPOLLIN | EPOLLRDHUP | EPOLLET;
constexpr std::uint32_t kEnds = EPOLLRDHUP | EPOLLHUP | EPOLLERR;
// Of one call; the rest goes with the next.
constexpr std::size_t kMostBuffers = 64;

Moved moved(ssize_t bytes) noexcept {
  if (bytes > 0) return {Moved::Outcome::kBytes, static_cast<std::size_t>(bytes)};
  if (bytes == 0) return {Moved::Outcome::kEnd, 0};
  if (errno == EAGAIN || errno == EWOULDBLOCK) return {Moved::Outcome::kNotNow, 0};
  return {Moved::Outcome::kFailure, 0};
}

// Again where a signal came first.
template <typename Call>
ssize_t uninterrupted(Call call) noexcept {
  ssize_t result = 0;
  do {
    result = call();
  } while (result < 0 && errno == EINTR);
  return result;
}

}  // namespace

SocketStream::SocketStream(EventLoop& loop, User& user, Descriptor&& socket)
    : loop_(loop), user_(user), descriptor_(std::move(socket)) {
  const int on = 1;
  // A Unix-domain socket knows no such option, and does not need it.
  ::setsockopt(descriptor(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

SocketStream::~SocketStream() {
  if (watched_) loop_.forget(descriptor(), *this);
}

void SocketStream::open() {
  loop_.watch(descriptor(), kInput, *this);
  watched_ = true;
  user_.hold();
  start();
}

void SocketStream::close() noexcept {
  space_ = {};
  waiting_ = {};
  if (!watched_) return descriptor_.close();
  watched_ = false;
  loop_.forget(descriptor(), *this);
  descriptor_.close();
  user_.let_go();
}

void SocketStream::ready(std::uint32_t events) noexcept {
  User& user = user_;  // who may let go of this
  user.hold();
  if (events == 0) deferred_ = false;
  if ((events & (EPOLLIN | kEnds)) != 0) readable_ = true;
  if ((events & kEnds) != 0) ended_ = true;
  try {
    go_on();
  } catch (const std::exception& failure) {
    log(LogLevel::kError, std::string_view(failure.what()));
    user.broken();
  }
  user.let_go();
}

// Once, however often: each would be a turn.
void SocketStream::defer() {
  if (deferred_) return;
  loop_.defer(*this);
  deferred_ = true;
}

void SocketStream::watch_output(bool watched) {
  if (watched == output_watched_) return;
  loop_.change(descriptor(), watched ? kInput | EPOLLOUT : kInput, *this);
  output_watched_ = watched;
}

Moved SocketStream::read_socket(std::span<std::byte> space) noexcept {
  const Moved result =
      moved(uninterrupted([&] { return ::recv(descriptor(), space.data(), space.size(), 0); }));
  // All of it was taken; what comes later is told. But the end comes without bytes to tell it by.
  if (result.outcome == Moved::Outcome::kNotNow ||
      (result.outcome == Moved::Outcome::kBytes && result.bytes < space.size() && !ended_)) {
    readable_ = false;
  }
  return result;
}

Moved SocketStream::write_socket(Buffers buffers) noexcept {
  if (buffers.size() == 1) {
    return moved(uninterrupted(
        [&] { return ::send(descriptor(), buffers[0].data(), buffers[0].size(), MSG_NOSIGNAL); }));
  }
  std::array<iovec, kMostBuffers> parts;
  const std::size_t count = std::min(buffers.size(), parts.size());
  for (std::size_t i = 0; i < count; ++i)
    parts[i] = {const_cast<std::byte*>(buffers[i].data()), buffers[i].size()};
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = count;
  return moved(uninterrupted([&] { return ::sendmsg(descriptor(), &message, MSG_NOSIGNAL); }));
}

void SocketStream::move() {
  if (!space_.empty() && may_read()) receive_now();
  if (!waiting_.empty()) send_waiting();
}

// Not at once: the others on the thread have their turn first.
void SocketStream::receive(std::span<std::byte> space) {
  space_ = space;
  if (may_read()) defer();
}

void SocketStream::receive_now() {
  const Moved got = read_some(user_.room(space_));
  if (got.outcome == Moved::Outcome::kNotNow) return;
  space_ = {};
  switch (got.outcome) {
    case Moved::Outcome::kBytes:
      return user_.received(Received::kBytes, got.bytes);
    case Moved::Outcome::kEnd:
      return user_.received(Received::kEnd, 0);
    default:
      return user_.received(Received::kFailure, 0);
  }
}

std::size_t SocketStream::send_now(Buffers buffers, bool& failed) {
  const Moved went = write_some(buffers);
  failed = went.outcome == Moved::Outcome::kFailure;
  return went.bytes;
}

// Not every socket that took a part is full, and one that is not has nothing to tell.
void SocketStream::send(Buffers buffers) {
  waiting_ = buffers;
  defer();
}

void SocketStream::send_waiting() {
  const Moved went = write_some(waiting_);
  if (went.outcome == Moved::Outcome::kNotNow) return;
  waiting_ = {};
  user_.sent(went.outcome != Moved::Outcome::kFailure, went.bytes);
  if (waiting_.empty() && descriptor() >= 0) watch_output(false);
}

bool SocketStream::has_bytes() {
  int bytes = 0;
  return ::ioctl(descriptor(), FIONREAD, &bytes) == 0 && bytes > 0;
}

std::string SocketStream::peer() const {
  return peer_text(descriptor());
}

}  // namespace muster
