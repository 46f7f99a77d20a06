// SPDX-License-Identifier: Apache-2.0
#include "frontend/http/stream_connection.h"

#include <new>
#include <type_traits>
#include <utility>

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "frontend/http/transport_thread.h"
#include "frontend/socket_address.h"

namespace muster {
namespace {

namespace asio = boost::asio;
using ErrorCode = boost::system::error_code;

// With the executor's own type: the usual one hides it behind calls and memory.
using Socket =
    asio::basic_stream_socket<asio::generic::stream_protocol, asio::io_context::executor_type>;
using TlsStream = asio::ssl::stream<Socket>;

// TLS makes a record of each buffer that it is given, so that small ones are laid together.
constexpr std::size_t kTlsRecordBytes = std::size_t{16} << 10;

// What the library asks of a buffer sequence, over buffers that somebody else keeps.
struct BufferRange {
  using value_type = asio::const_buffer;
  using const_iterator = const asio::const_buffer*;
  const_iterator first;
  const_iterator last;
  [[nodiscard]] const_iterator begin() const noexcept { return first; }
  [[nodiscard]] const_iterator end() const noexcept { return last; }
};

BufferRange range_of(std::span<const asio::const_buffer> buffers) noexcept {
  return {buffers.data(), buffers.data() + buffers.size()};
}

Socket take_over(TransportThread& thread, AcceptedSocket accepted) try {
  Socket socket(thread.io().get_executor());
  ErrorCode error;
  static_cast<void>(socket.assign(asio::generic::stream_protocol(accepted.family, 0),
                                  accepted.descriptor, error));
  if (error) {
    ::close(accepted.descriptor);
    return socket;
  }
  static_cast<void>(socket.non_blocking(true, error));
  if (accepted.family != AF_UNIX) {
    const int on = 1;
    ::setsockopt(accepted.descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  }
  return socket;
} catch (const std::bad_alloc&) {
  ::close(accepted.descriptor);
  throw;
}

template <typename Stream>
class StreamConnection final : public Connection {
  static constexpr bool kIsTls = std::is_same_v<Stream, TlsStream>;

 public:
  template <typename... Arguments>
  StreamConnection(TransportThread& thread, ListenerFacts& listener, Arguments&&... arguments)
      : Connection(thread, listener), stream_(std::forward<Arguments>(arguments)...) {}

 private:
  using Self = boost::intrusive_ptr<StreamConnection>;

  [[nodiscard]] Socket& socket() noexcept {
    if constexpr (kIsTls) {
      return stream_.next_layer();
    } else {
      return stream_;
    }
  }

  void open() override {
    if constexpr (kIsTls) {
      stream_.async_handshake(asio::ssl::stream_base::server,
                              [self = Self(this)](ErrorCode error) { self->opened(!error); });
    } else {
      opened(socket().is_open());
    }
  }

  void receive(std::span<std::byte> space) override {
    stream_.async_read_some(asio::mutable_buffer(space.data(), space.size()),
                            [self = Self(this)](ErrorCode error, std::size_t bytes) {
                              self->received(outcome_of(error), bytes);
                            });
  }

  static Received outcome_of(ErrorCode error) noexcept {
    if (!error) return Received::kBytes;
    return error == asio::error::eof ? Received::kEnd : Received::kFailure;
  }

  std::size_t send_now(std::span<const asio::const_buffer> buffers, bool& failed) override {
    if constexpr (kIsTls) {
      failed = false;
      return 0;
    } else {
      ErrorCode error;
      const std::size_t bytes = buffers.size() == 1 ? stream_.write_some(buffers.front(), error)
                                                    : stream_.write_some(range_of(buffers), error);
      failed = error && error != asio::error::would_block;
      return bytes;
    }
  }

  void send(std::span<const asio::const_buffer> buffers) override {
    const auto done = [self = Self(this)](ErrorCode error, std::size_t bytes) {
      self->sent(!error, bytes);
    };
    if constexpr (kIsTls) {
      stream_.async_write_some(record_of(buffers), done);
    } else {
      stream_.async_write_some(range_of(buffers), done);
    }
  }

  asio::const_buffer record_of(std::span<const asio::const_buffer> buffers) {
    if (buffers.size() == 1 || buffers.front().size() >= kTlsRecordBytes) return buffers.front();
    record_.resize(kTlsRecordBytes);
    const std::size_t size = asio::buffer_copy(asio::buffer(record_), range_of(buffers));
    return {record_.data(), size};
  }

  void end_sending() override {
    if constexpr (kIsTls) {
      // Waits for the client to say the same; the connection's time is limited.
      stream_.async_shutdown([self = Self(this)](ErrorCode) { self->close(); });
    } else {
      ErrorCode error;
      static_cast<void>(stream_.shutdown(Socket::shutdown_send, error));
    }
  }

  void close_stream() noexcept override {
    ErrorCode error;
    static_cast<void>(socket().close(error));
  }

  bool has_bytes() override {
    ErrorCode error;
    return socket().available(error) > 0;
  }

  std::string peer() const override {
    auto& socket = const_cast<StreamConnection*>(this)->socket();
    return peer_text(socket.native_handle());
  }

  Stream stream_;
  std::vector<std::byte> record_;
};

}  // namespace

ConnectionRef make_plain_connection(TransportThread& thread, ListenerFacts& listener,
                                    AcceptedSocket accepted) {
  Socket socket = take_over(thread, accepted);
  return ConnectionRef(new StreamConnection<Socket>(thread, listener, std::move(socket)));
}

ConnectionRef make_tls_connection(TransportThread& thread, ListenerFacts& listener,
                                  AcceptedSocket accepted, boost::asio::ssl::context& context) {
  Socket socket = take_over(thread, accepted);
  return ConnectionRef(
      new StreamConnection<TlsStream>(thread, listener, std::move(socket), context));
}

}  // namespace muster
