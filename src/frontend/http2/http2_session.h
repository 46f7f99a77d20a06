// SPDX-License-Identifier: Apache-2.0
// Http2Session: HTTP/2 on one connection, as bytes in and bytes out (nghttp2), and what a client
// may do on it. It knows nothing of sockets.
//
// What is asked of a stream is done by `fill`; nothing but `receive`, `fill`, `check_time`, `stop`
// and `close` calls into the calls.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <nghttp2/nghttp2.h>

#include "frontend/frontend_limits.h"
#include "frontend/http2/http2_stream.h"
#include "frontend/http2/rate_limit.h"
#include "frontend/http2/session_stream.h"

namespace muster {

// What the sessions of one thread share. Outlives them.
struct Http2Sharing {
  Http2Service& service;
  const FrontendLimits& limits;
  SpareStreams& spare;
};

class Http2Session {
 public:
  class Owner {
   public:
    // There is something for `fill`.
    virtual void has_output() noexcept = 0;
    [[nodiscard]] virtual TimePoint now() = 0;

   protected:
    ~Owner() = default;
  };

  // Throws bad_alloc. `peer` and `owner` outlive it.
  Http2Session(const Http2Sharing& sharing, const Http2Peer& peer, Owner& owner);
  Http2Session(const Http2Session&) = delete;
  Http2Session& operator=(const Http2Session&) = delete;
  ~Http2Session();  // after `close`

  // What the client sent, all of it. False: it is no HTTP/2, or there is no memory, or it reads
  // nothing of what it makes us say, and nothing more can be said to it.
  [[nodiscard]] bool receive(std::span<const std::byte> bytes);
  // Where the client's next bytes are best read to: a place in the message that they belong to, and
  // no further than that frame goes. Empty where there is none, or it is not known.
  [[nodiscard]] std::span<std::byte> room() const noexcept;
  // Appends frames until there are none, or `out` has `enough` bytes or somewhat more. False: as
  // above.
  [[nodiscard]] bool fill(std::vector<std::byte>& out, std::size_t enough);
  // Nothing more is to be received or sent.
  [[nodiscard]] bool is_over() const noexcept;

  // A few times a second. False: the client is gone without a word, or has sent half of something
  // for too long.
  [[nodiscard]] bool check_time(TimePoint now);
  // The server takes no new requests: tells the calls and the client.
  void stop();
  // The client should go: it is told, and the session is over when its last stream is.
  void leave();
  // Every call hears so.
  void close(Http2Closing closing) noexcept;

  [[nodiscard]] bool is_leaving() const noexcept { return is_leaving_; }
  [[nodiscard]] bool has_streams() const noexcept { return open_ != nullptr; }

  // For streams.
  [[nodiscard]] const Http2Peer& peer() const noexcept { return peer_; }
  [[nodiscard]] TimePoint now() { return owner_.now(); }
  void mark(SessionStream& stream);
  void consume(SessionStream& stream, std::size_t bytes) noexcept;
  static ssize_t read_body(nghttp2_session* session, std::int32_t id, std::uint8_t* buffer,
                           std::size_t length, std::uint32_t* flags, nghttp2_data_source* source,
                           void* self);

 private:
  struct Callbacks;
  // What nghttp2 is told once for all sessions. Throws bad_alloc.
  [[nodiscard]] static const nghttp2_session_callbacks* callbacks();

  // What nghttp2 tells; its error, or 0.
  int frame_began(const nghttp2_frame_hd& head);
  int headers_began(const nghttp2_frame& frame);
  int frame_came(const nghttp2_frame& frame);
  int body_came(std::int32_t id, std::span<const std::byte> bytes);
  int frame_went(const nghttp2_frame& frame);
  int body_goes(SessionStream& stream, const std::uint8_t* frame_head, std::size_t bytes);
  void count_broken_off(std::int32_t id);
  void stream_closed(std::int32_t id) noexcept;

  [[nodiscard]] SessionStream* stream_of(std::int32_t id) const noexcept;
  [[nodiscard]] bool submit_marked();
  void tell_sent();
  void unlink(SessionStream& stream) noexcept;
  [[nodiscard]] bool check_peer(TimePoint now);
  // GOAWAY, and no more.
  void end(Http2Error error) noexcept;

  const Http2Sharing sharing_;
  const Http2Peer& peer_;
  Owner& owner_;
  nghttp2_session* session_ = nullptr;
  SessionStream* open_ = nullptr;
  std::vector<SessionStream*> marked_;
  std::vector<SessionStream*> told_later_;
  std::vector<std::byte>* out_ = nullptr;  // while it is filled
  std::size_t enough_ = 0;
  RateLimit resets_;
  RateLimit frames_;
  bool is_too_busy_ = false;  // the client
  bool has_greeted_ = false;
  bool is_leaving_ = false;
  bool is_ending_ = false;
  bool is_pinged_ = false;
  std::int32_t in_head_ = 0;  // the stream of a head that has not come to its end, 0 = none
  // Of the DATA frame that is coming, where it is one without padding.
  std::int32_t data_stream_ = 0;
  std::size_t data_left_ = 0;
  TimePoint head_since_{};
  TimePoint began_{};
  TimePoint heard_{};  // from the client, last
  TimePoint pinged_{};
  TimePoint leaving_since_{};
};

}  // namespace muster
