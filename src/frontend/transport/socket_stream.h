// SPDX-License-Identifier: Apache-2.0
// SocketStream: a stream over a socket of its thread's event loop, which holds its user from `open`
// to `close`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/descriptor.h"
#include "frontend/transport/byte_stream.h"
#include "frontend/transport/event_loop.h"

namespace muster {

// What a socket or a stream over it did.
struct Moved {
  enum class Outcome : std::uint8_t { kBytes, kEnd, kNotNow, kFailure };
  Outcome outcome = Outcome::kFailure;
  std::size_t bytes = 0;
};

class SocketStream : public ByteStream, private EventSource {
 public:
  SocketStream(EventLoop& loop, User& user, Descriptor&& socket);
  ~SocketStream() override;

 protected:
  [[nodiscard]] int descriptor() const noexcept { return descriptor_.get(); }
  [[nodiscard]] User& user() const noexcept { return user_; }
  // Beginning with the handshake, if there is one; the event loop is known.
  virtual void start() = 0;
  // Something came, or the socket takes bytes again, or the stream was deferred.
  virtual void go_on() { move(); }
  // Of the stream over the socket, as much as goes at once. After kNotNow it is tried again when
  // the socket tells; whoever needs it to take bytes for that watches the output.
  virtual Moved read_some(std::span<std::byte> space) = 0;
  virtual Moved write_some(Buffers buffers) = 0;
  // Whether reading may give something before the socket tells again.
  [[nodiscard]] virtual bool may_read() const noexcept { return readable_; }
  // Goes on with the receiving and the sending that were begun.
  void move();
  // Tells when the socket takes bytes again, or does not any more.
  void watch_output(bool watched);

  // One call of the system each.
  [[nodiscard]] Moved read_socket(std::span<std::byte> space) noexcept;
  [[nodiscard]] Moved write_socket(Buffers buffers) noexcept;

  void open() final;
  void receive(std::span<std::byte> space) final;
  std::size_t send_now(Buffers buffers, bool& failed) final;
  void send(Buffers buffers) final;
  void close() noexcept override;
  bool has_bytes() override;
  std::string peer() const final;

 private:
  void ready(std::uint32_t events) noexcept final;
  void defer();
  void receive_now();
  void send_waiting();

  EventLoop& loop_;
  User& user_;
  Descriptor descriptor_;
  bool watched_ = false;
  bool output_watched_ = false;
  bool deferred_ = false;
  // The socket may have bytes, or its end, that were not taken: they are not told again.
  bool readable_ = false;
  bool ended_ = false;          // the client's end, or a failure, is behind what can be read
  std::span<std::byte> space_;  // of the receiving that goes on
  Buffers waiting_;             // of the sending that goes on
};

}  // namespace muster
