// SPDX-License-Identifier: Apache-2.0
// SessionStream: a stream of a session: what of the request's head is kept, and the answer as far
// as it has not gone. Used again for another one afterwards.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include <nghttp2/nghttp2.h>

#include "frontend/frontend_limits.h"
#include "frontend/http2/http2_stream.h"

namespace muster {

class Http2Session;

class SessionStream final : public Http2Stream {
 public:
  SessionStream() = default;
  SessionStream(const SessionStream&) = delete;
  SessionStream& operator=(const SessionStream&) = delete;
  ~SessionStream() { clear(); }

  // For the call.
  [[nodiscard]] std::string_view field(Http2Field field) const noexcept override;
  [[nodiscard]] bool head_is_too_large() const noexcept override { return head_is_too_large_; }
  [[nodiscard]] const Http2Peer& peer() const noexcept override;
  void consume(std::size_t bytes) noexcept override;
  void respond(std::span<const Http2Header> headers) override;
  void send(std::span<const std::byte> bytes) override;
  void finish(std::span<const Http2Header> trailers) override;
  void respond_only(std::span<const Http2Header> headers) override;
  void reset(Http2Error error) override;

  // For the session, from here on. Of a new stream, or one that was cleared.
  void begin(Http2Session& session, std::int32_t number) noexcept;
  void clear() noexcept;
  // A field of the request's head. False: far beyond the limit.
  [[nodiscard]] bool take_field(nghttp2_rcbuf* name, nghttp2_rcbuf* value, std::size_t limit);

  // Does what was asked for, as far as it can be done now. False: there is no memory.
  [[nodiscard]] bool submit(nghttp2_session* session);
  // How many bytes of the next frame there are, up to `most`; 0 where there are none.
  [[nodiscard]] std::size_t ready_bytes(std::size_t most) const noexcept;
  // Whether the answer's body ends behind the next `bytes`.
  [[nodiscard]] bool ends_behind(std::size_t bytes) const noexcept {
    return is_finished_ && bytes == waiting_bytes_;
  }
  [[nodiscard]] bool submit_trailers(nghttp2_session* session) const;
  void defer() noexcept { is_deferred_ = true; }
  void put(std::size_t bytes, std::vector<std::byte>& out);
  // How many sends were taken since this was asked last.
  [[nodiscard]] std::size_t take_sent() noexcept;
  // Whether the client takes longer over what waits for it than it may.
  [[nodiscard]] bool is_late(TimePoint now, const FrontendLimits& limits) const noexcept;

  std::int32_t id = 0;
  Http2Call* call = nullptr;
  SessionStream* previous = nullptr;  // of those that are open
  SessionStream* next = nullptr;
  bool is_marked = false;      // has something for `submit`
  bool is_told_later = false;  // `sent` is due
  bool client_ended = false;
  bool is_ended = false;  // the last of the answer has gone
  Http2Closing closing = Http2Closing::kByClient;

 private:
  static constexpr std::size_t kMaxHeaders = 8;
  struct Head {
    std::array<nghttp2_nv, kMaxHeaders> fields;
    std::size_t count = 0;
    void take(std::span<const Http2Header> headers);
  };
  enum class Answer : std::uint8_t { kNone, kDue, kOnlyDue, kSubmitted };

  Http2Session* session_ = nullptr;
  std::array<nghttp2_rcbuf*, static_cast<std::size_t>(Http2Field::kCount)> fields_{};
  std::size_t head_bytes_ = 0;
  bool head_is_too_large_ = false;

  Answer answer_ = Answer::kNone;
  bool is_finished_ = false;
  bool is_deferred_ = false;
  bool is_reset_ = false;
  Http2Error error_ = Http2Error::kNone;
  Head head_;
  Head trailers_;
  std::vector<std::span<const std::byte>> sends_;
  std::size_t first_send_ = 0;
  std::size_t first_offset_ = 0;
  std::size_t sent_ = 0;           // and not told yet
  std::size_t waiting_bytes_ = 0;  // of the sends
  std::size_t limit_bytes_ = 0;    // that waited since `waiting_since_`
  TimePoint waiting_since_{};
};

// Streams to be used again, of one thread.
class SpareStreams {
 public:
  [[nodiscard]] std::unique_ptr<SessionStream> take();
  void give_back(std::unique_ptr<SessionStream> stream) noexcept;

 private:
  static constexpr std::size_t kMaxSpare = 1024;
  std::vector<std::unique_ptr<SessionStream>> spare_;
};

}  // namespace muster
