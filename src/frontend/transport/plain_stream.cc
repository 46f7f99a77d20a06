// SPDX-License-Identifier: Apache-2.0
// Streams without TLS.
#include <utility>

#include <sys/socket.h>

#include "frontend/transport/socket_stream.h"
#include "frontend/transport/tls_stream.h"

namespace muster {
namespace {

class PlainStream final : public SocketStream {
 public:
  using SocketStream::SocketStream;

 private:
  void start() override { user().opened(true); }

  Moved read_some(std::span<std::byte> space) override { return read_socket(space); }

  Moved write_some(Buffers buffers) override {
    const Moved went = write_socket(buffers);
    if (went.outcome == Moved::Outcome::kNotNow) watch_output(true);
    return went;
  }

  void end_sending() override { ::shutdown(descriptor(), SHUT_WR); }
};

}  // namespace

std::unique_ptr<ByteStream> make_stream(EventLoop& loop, ByteStream::User& user, Descriptor socket,
                                        TlsContext* tls) {
  if (tls != nullptr) return make_tls_stream(loop, user, std::move(socket), *tls);
  return std::make_unique<PlainStream>(loop, user, std::move(socket));
}

}  // namespace muster
