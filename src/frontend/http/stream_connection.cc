// SPDX-License-Identifier: Apache-2.0
// Connections without TLS.
#include "frontend/http/stream_connection.h"

#include <utility>

#include <sys/socket.h>

#include "frontend/http/socket_connection.h"
#include "frontend/http/transport_thread.h"

namespace muster {
namespace {

class PlainConnection final : public SocketConnection {
 public:
  using SocketConnection::SocketConnection;

 private:
  void start() override { opened(true); }

  void go_on() override {
    if (readable && !space_.empty()) receive_now();
    if (!waiting_.empty()) send_waiting();
  }

  // Not at once: the others on the thread have their turn first.
  void receive(std::span<std::byte> space) override {
    space_ = space;
    if (readable) defer();
  }

  void receive_now() {
    const Moved got = read_socket(space_);
    if (got.outcome == Moved::Outcome::kNotNow) return;
    space_ = {};
    take(got);
  }

  std::size_t send_now(Buffers buffers, bool& failed) override {
    const Moved went = write_socket(buffers);
    failed = went.outcome == Moved::Outcome::kFailure;
    return went.bytes;
  }

  void send(Buffers buffers) override {
    waiting_ = buffers;
    // Not every socket that took a part is full, and one that is not has nothing to tell.
    defer();
  }

  void send_waiting() {
    const Moved went = write_socket(waiting_);
    if (went.outcome == Moved::Outcome::kNotNow) return watch_output(true);
    waiting_ = {};
    sent(went.outcome != Moved::Outcome::kFailure, went.bytes);
    if (waiting_.empty() && descriptor() >= 0) watch_output(false);
  }

  void end_sending() override { ::shutdown(descriptor(), SHUT_WR); }

  void close_stream() noexcept override {
    space_ = {};
    waiting_ = {};
    SocketConnection::close_stream();
  }

  std::span<std::byte> space_;  // of the receiving that goes on
  Buffers waiting_;             // of the sending that goes on
};

}  // namespace

ConnectionRef make_plain_connection(TransportThread& thread, ListenerFacts& listener,
                                    Descriptor socket) {
  return ConnectionRef(new PlainConnection(thread, listener, std::move(socket)));
}

}  // namespace muster
