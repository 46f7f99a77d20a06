// SPDX-License-Identifier: Apache-2.0
// ByteStream: the bytes of one connection, over a socket, plain or with TLS.
//
// One reading and one sending go on at a time; each ends in a word to the user. On the thread of
// its loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/descriptor.h"
#include "frontend/transport/event_loop.h"
#include "frontend/transport/tls_context.h"

namespace muster {

using ConstBytes = std::span<const std::byte>;
using Buffers = std::span<const ConstBytes>;

class ByteStream {
 public:
  enum class Received : std::uint8_t { kBytes, kEnd, kFailure };

  // The connection, which owns the stream and is counted.
  class User {
   public:
    virtual void opened(bool ok) = 0;
    // Right before bytes are read that may go elsewhere than into the `space` of `receive`: where
    // they are to go, never empty.
    [[nodiscard]] virtual std::span<std::byte> room(std::span<std::byte> space) { return space; }
    virtual void received(Received outcome, std::size_t bytes) = 0;
    virtual void sent(bool ok, std::size_t bytes) = 0;
    // Something threw: closes.
    virtual void broken() noexcept = 0;
    // Once each between `open` and `close`, and around what is said to the user.
    virtual void hold() noexcept = 0;
    virtual void let_go() noexcept = 0;

   protected:
    ~User() = default;
  };

  ByteStream() = default;
  ByteStream(const ByteStream&) = delete;
  ByteStream& operator=(const ByteStream&) = delete;
  virtual ~ByteStream() = default;

  // Each begins an operation that ends in the word named.
  virtual void open() = 0;                               // opened
  virtual void receive(std::span<std::byte> space) = 0;  // received
  virtual void send(Buffers buffers) = 0;                // sent
  // As many bytes as go without waiting, 0 where none do; `failed` where none ever will.
  virtual std::size_t send_now(Buffers buffers, bool& failed) = 0;
  // Tells the client that nothing more comes.
  virtual void end_sending() = 0;
  virtual void close() noexcept = 0;
  // Whether bytes have come that were not received yet.
  [[nodiscard]] virtual bool has_bytes() = 0;
  [[nodiscard]] virtual std::string peer() const = 0;
};

// On the thread of the loop, with an accepted socket that does not block. `tls`: null = plain; it
// outlives the stream.
[[nodiscard]] std::unique_ptr<ByteStream> make_stream(EventLoop& loop, ByteStream::User& user,
                                                      Descriptor socket, TlsContext* tls);

}  // namespace muster
