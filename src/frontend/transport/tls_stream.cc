// SPDX-License-Identifier: Apache-2.0
#include "frontend/transport/tls_stream.h"

#include <algorithm>
#include <array>
#include <climits>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "frontend/transport/socket_stream.h"

namespace muster {
namespace {

// TLS makes a record of each buffer that it is given, so that small ones are laid together.
constexpr std::size_t kRecordBytes = std::size_t{16} << 10;

struct FreeSsl {
  void operator()(SSL* ssl) const noexcept { SSL_free(ssl); }
};

class TlsStream final : public SocketStream {
 public:
  TlsStream(EventLoop& loop, User& user, Descriptor&& socket, TlsContext& context)
      : SocketStream(loop, user, std::move(socket)), ssl_(SSL_new(&context)) {
    BIO* const bio = ssl_ ? BIO_new(methods()) : nullptr;
    if (bio == nullptr) throw std::bad_alloc();
    BIO_set_data(bio, this);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl_.get(), bio, bio);  // takes it
  }

 private:
  enum class Handshake : std::uint8_t { kToCome, kGoesOn, kDone };

  void start() override {
    handshake_ = Handshake::kGoesOn;
    go_on();
  }

  void go_on() override {
    if (handshake_ == Handshake::kGoesOn) shake_hands();
    if (handshake_ != Handshake::kDone) return;
    move();
    if (ending_) end_sending();
  }

  void shake_hands() {
    ERR_clear_error();
    const int result = SSL_accept(ssl_.get());
    if (result != 1 && must_wait(result)) return;
    handshake_ = Handshake::kDone;
    user().opened(result == 1);
  }

  // Bytes may lie in the record that was read last.
  [[nodiscard]] bool may_read() const noexcept override { return true; }

  Moved read_some(std::span<std::byte> space) override {
    ERR_clear_error();
    std::size_t bytes = 0;
    const int result = SSL_read_ex(ssl_.get(), space.data(), space.size(), &bytes);
    if (result == 1) return {Moved::Outcome::kBytes, bytes};
    if (must_wait(result)) return {Moved::Outcome::kNotNow, 0};
    const bool told = SSL_get_error(ssl_.get(), result) == SSL_ERROR_ZERO_RETURN;
    return {told ? Moved::Outcome::kEnd : Moved::Outcome::kFailure, 0};
  }

  // One record, which is a part: the socket may well take the next. Tried again with the same
  // bytes, as OpenSSL wants it, where it has to wait.
  Moved write_some(Buffers buffers) override {
    const ConstBytes record = record_of(buffers);
    ERR_clear_error();
    std::size_t bytes = 0;
    const int result = SSL_write_ex(ssl_.get(), record.data(), record.size(), &bytes);
    if (result == 1) return {Moved::Outcome::kBytes, bytes};
    return {must_wait(result) ? Moved::Outcome::kNotNow : Moved::Outcome::kFailure, 0};
  }

  ConstBytes record_of(Buffers buffers) {
    if (buffers.size() == 1 || buffers.front().size() >= kRecordBytes) return buffers.front();
    record_.resize(kRecordBytes);
    std::size_t size = 0;
    for (const ConstBytes& buffer : buffers) {
      const std::size_t part = std::min(buffer.size(), kRecordBytes - size);
      if (part > 0) std::memcpy(record_.data() + size, buffer.data(), part);
      size += part;
    }
    return ConstBytes(record_).first(size);
  }

  bool must_wait(int result) {
    const int error = SSL_get_error(ssl_.get(), result);
    if (error == SSL_ERROR_WANT_WRITE) watch_output(true);
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
  }

  // The client's own end is read as any bytes are.
  void end_sending() override {
    ERR_clear_error();
    const int result = SSL_shutdown(ssl_.get());
    ending_ = result < 0 && must_wait(result);
  }

  void close() noexcept override {
    ending_ = false;
    SocketStream::close();
  }

  bool has_bytes() override { return SSL_pending(ssl_.get()) > 0 || SocketStream::has_bytes(); }

  // OpenSSL's own socket BIO would raise SIGPIPE.
  static const BIO_METHOD* methods() {
    static BIO_METHOD* const kMethods = [] {
      BIO_METHOD* const made =
          BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "transport thread");
      if (made == nullptr) throw std::bad_alloc();
      BIO_meth_set_read(made, read_bio);
      BIO_meth_set_write(made, write_bio);
      BIO_meth_set_ctrl(made, control_bio);
      return made;
    }();
    return kMethods;
  }
  static TlsStream& of(BIO* bio) noexcept { return *static_cast<TlsStream*>(BIO_get_data(bio)); }
  static int read_bio(BIO* bio, char* into, int size) {
    BIO_clear_retry_flags(bio);
    const Moved got = of(bio).read_socket(
        {reinterpret_cast<std::byte*>(into), static_cast<std::size_t>(std::max(size, 0))});
    if (got.outcome == Moved::Outcome::kNotNow) BIO_set_retry_read(bio);
    return result_of(got);
  }
  static int write_bio(BIO* bio, const char* from, int size) {
    BIO_clear_retry_flags(bio);
    const ConstBytes buffer(reinterpret_cast<const std::byte*>(from),
                            static_cast<std::size_t>(std::max(size, 0)));
    const Moved went = of(bio).write_socket({&buffer, 1});
    if (went.outcome == Moved::Outcome::kNotNow) BIO_set_retry_write(bio);
    return result_of(went);
  }
  static int result_of(Moved moved) noexcept {
    if (moved.outcome == Moved::Outcome::kBytes) return static_cast<int>(moved.bytes);
    return moved.outcome == Moved::Outcome::kEnd ? 0 : -1;
  }
  static long control_bio(BIO*, int command, long, void*) {
    return command == BIO_CTRL_FLUSH ? 1 : 0;
  }

  const std::unique_ptr<SSL, FreeSsl> ssl_;
  Handshake handshake_ = Handshake::kToCome;
  bool ending_ = false;  // that nothing more comes has not gone yet
  std::vector<std::byte> record_;
};

}  // namespace

std::unique_ptr<ByteStream> make_tls_stream(EventLoop& loop, ByteStream::User& user,
                                            Descriptor socket, TlsContext& context) {
  return std::make_unique<TlsStream>(loop, user, std::move(socket), context);
}

}  // namespace muster
