// SPDX-License-Identifier: Apache-2.0
// What HTTP/2 and those above it know of each other: a stream is one request and its answer, a call
// is what somebody makes of it.
//
// All of it on the transport thread of the stream's connection. Nothing that is called on a stream
// calls back into the call: what is queued goes out at the end of the round, with all that the
// connection has to send then.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <muster/inference.h>

namespace muster {

// The fields of a request that somebody asks for. All others are checked, counted against the limit
// and forgotten.
enum class Http2Field : std::uint8_t {
  kMethod,
  kScheme,
  kPath,
  kAuthority,
  kContentType,
  kTe,
  kUserAgent,
  kTimeout,         // grpc-timeout
  kEncoding,        // grpc-encoding
  kAcceptEncoding,  // grpc-accept-encoding
  kAuthorization,
  kCount,
};

// A field of an answer. Names are in lower case and last as long as the program, values until the
// call is closed.
struct Http2Header {
  std::string_view name;
  std::string_view value;
  // Another one in each answer: not worth a place in what both sides remember of the connection.
  bool varies = false;
};

// Who is at the other end. As long as the connection.
struct Http2Peer {
  std::string text;          // "127.0.0.1:4711", "[::1]:4711", "unix:"
  bool is_loopback = false;  // of the listener's address; a Unix-domain socket counts
};

enum class Http2Error : std::uint32_t {  // RFC 9113, section 7
  kNone = 0,
  kProtocol = 1,
  kInternal = 2,
  kRefused = 7,
  kCancel = 8,
  kEnhanceYourCalm = 11,
};

// Valid until Http2Call::closed, and then never again.
class Http2Stream {
 public:
  // "" where the request has no such field; the first one where it has several. Valid until
  // `closed`.
  [[nodiscard]] virtual std::string_view field(Http2Field field) const noexcept = 0;
  // More than `max_header_bytes`: the fields are not all there.
  [[nodiscard]] virtual bool head_is_too_large() const noexcept = 0;
  [[nodiscard]] virtual const Http2Peer& peer() const noexcept = 0;

  // So many bytes that came are dealt with: the client may send as many more on this stream.
  virtual void consume(std::size_t bytes) noexcept = 0;

  // The answer, in this order: respond, send*, finish; or respond_only. The array is copied, what
  // it refers to is not. `:status` is a field like others, and the first.
  virtual void respond(std::span<const Http2Header> headers) = 0;
  // Bytes behind those before. They stay as they are until Http2Call::sent has told of them, or
  // `closed`. Any number may be waiting: whoever wants no more of them waits for `sent`.
  virtual void send(std::span<const std::byte> bytes) = 0;
  // Behind what is to be sent. Ends the stream: if the client has not ended its half it is told to
  // stop. `closed` follows when all has gone.
  virtual void finish(std::span<const Http2Header> trailers) = 0;
  // A whole answer in one head without a body. Instead of respond and finish.
  virtual void respond_only(std::span<const Http2Header> headers) = 0;
  // Any time before `closed`, which follows (kByServer), but not from within this.
  virtual void reset(Http2Error error) = 0;

 protected:
  ~Http2Stream() = default;
};

enum class Http2Closing : std::uint8_t {
  kAnswered,      // the connection has the whole answer: see Http2Thread::when_sent
  kByClient,      // it reset the stream, or closed the connection, or it broke
  kSendTimedOut,  // the client did not take the answer in time: see send_limit
  kByServer,      // `reset`, or the connection was ended for what the client did on it
  kServerEnds,    // the front end goes; nothing more can be sent
};

// One request, as those above see it. Whoever is bound to a stream hears of it until `closed`, the
// last word; afterwards it may live as long as it wants.
class Http2Call {
 public:
  // The next bytes of the body, as they lie in the buffer that they were read into: valid during
  // the call. How many of them are dealt with at once (Http2Stream::consume of all others later).
  // The sum of what is not consumed never exceeds the window of the stream.
  [[nodiscard]] virtual std::size_t received(std::span<const std::byte> bytes) = 0;
  // Where the call will lay the next bytes of the body: if they are read there, `received` need not
  // copy them. Up to `most`; empty where it has no such place. Looked at once, before anything else
  // happens.
  [[nodiscard]] virtual std::span<std::byte> room(std::size_t /*most*/) noexcept { return {}; }
  // The client sends nothing more.
  virtual void ended() = 0;
  // So many sends more, in their order, have been taken: their bytes are not looked at again. Not
  // from within `send`.
  virtual void sent(std::size_t sends) = 0;
  virtual void closed(Http2Closing closing) = 0;
  // About ten times a second while the stream is open.
  virtual void check_time(TimePoint now) = 0;
  // The server takes no new requests: once, for each that is open then.
  virtual void stop() = 0;

 protected:
  ~Http2Call() = default;
};

// One for each transport thread.
class Http2Service {
 public:
  // The head of a request has come; the call hears of what follows. It may answer from within this.
  [[nodiscard]] virtual Http2Call& begin(Http2Stream& stream) = 0;

 protected:
  ~Http2Service() = default;
};

}  // namespace muster
