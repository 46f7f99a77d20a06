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

  Moved read_some(std::span<std::byte> space) override { return read_socket(space); }

  Moved write_some(Buffers buffers) override {
    const Moved went = write_socket(buffers);
    if (went.outcome == Moved::Outcome::kNotNow) watch_output(true);
    return went;
  }

  void end_sending() override { ::shutdown(descriptor(), SHUT_WR); }
};

}  // namespace

ConnectionRef make_plain_connection(TransportThread& thread, ListenerFacts& listener,
                                    Descriptor socket) {
  return ConnectionRef(new PlainConnection(thread, listener, std::move(socket)));
}

}  // namespace muster
