// SPDX-License-Identifier: Apache-2.0
// What a session does with frames, as nghttp2 tells of them.
#include <algorithm>
#include <exception>
#include <new>
#include <string_view>
#include <utility>

#include "base/log.h"
#include "frontend/http2/http2_session.h"

namespace muster {
namespace {

constexpr std::size_t kFrameHeadBytes = 9;
// What one request, or a KiB of a body, may take in frames that ask for nothing by themselves.
constexpr std::size_t kFramesARequest = 8;
constexpr std::size_t kFramesAKiB = 2;

Http2Session& session_of(void* self) noexcept {
  return *static_cast<Http2Session*>(self);
}

// The boundary that no exception passes: the connection is lost, nothing else.
template <typename Step>
int guarded(Step step) noexcept {
  try {
    return step();
  } catch (const std::exception& failure) {
    log(LogLevel::kError, std::string_view(failure.what()));
    return NGHTTP2_ERR_CALLBACK_FAILURE;
  }
}

}  // namespace

// nghttp2 hands every one of these the session as `self`.
struct Http2Session::Callbacks {
  static int frame_began(nghttp2_session*, const nghttp2_frame_hd* head, void* self) {
    return guarded([&] { return session_of(self).frame_began(*head); });
  }
  static int headers_began(nghttp2_session*, const nghttp2_frame* frame, void* self) {
    return guarded([&] { return session_of(self).headers_began(*frame); });
  }
  static int header_came(nghttp2_session* session, const nghttp2_frame* frame, nghttp2_rcbuf* name,
                         nghttp2_rcbuf* value, std::uint8_t, void* self) {
    auto* const stream = static_cast<SessionStream*>(
        nghttp2_session_get_stream_user_data(session, frame->hd.stream_id));
    if (stream == nullptr) return 0;
    const std::size_t limit = session_of(self).sharing_.limits.max_header_bytes;
    return stream->take_field(name, value, limit) ? 0 : NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  }
  static int frame_came(nghttp2_session*, const nghttp2_frame* frame, void* self) {
    return guarded([&] { return session_of(self).frame_came(*frame); });
  }
  static int body_came(nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* bytes,
                       std::size_t size, void* self) {
    return guarded([&] {
      return session_of(self).body_came(id, {reinterpret_cast<const std::byte*>(bytes), size});
    });
  }
  static int frame_went(nghttp2_session*, const nghttp2_frame* frame, void* self) {
    return session_of(self).frame_went(*frame);
  }
  static int body_goes(nghttp2_session*, nghttp2_frame*, const std::uint8_t* frame_head,
                       std::size_t size, nghttp2_data_source* source, void* self) {
    return guarded([&] {
      return session_of(self).body_goes(*static_cast<SessionStream*>(source->ptr), frame_head,
                                        size);
    });
  }
  static int stream_closed(nghttp2_session*, std::int32_t id, std::uint32_t, void* self) {
    session_of(self).stream_closed(id);
    return 0;
  }

  static nghttp2_session_callbacks* make() {
    nghttp2_session_callbacks* made = nullptr;
    if (nghttp2_session_callbacks_new(&made) != 0) throw std::bad_alloc();
    nghttp2_session_callbacks_set_on_begin_frame_callback(made, frame_began);
    nghttp2_session_callbacks_set_on_begin_headers_callback(made, headers_began);
    nghttp2_session_callbacks_set_on_header_callback2(made, header_came);
    nghttp2_session_callbacks_set_on_frame_recv_callback(made, frame_came);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(made, body_came);
    nghttp2_session_callbacks_set_on_frame_send_callback(made, frame_went);
    nghttp2_session_callbacks_set_send_data_callback(made, body_goes);
    nghttp2_session_callbacks_set_on_stream_close_callback(made, stream_closed);
    return made;
  }
};

const nghttp2_session_callbacks* Http2Session::callbacks() {
  static const nghttp2_session_callbacks* const kCallbacks = Callbacks::make();
  return kCallbacks;
}

// What a client may do as often as it likes is to ask and to send what it asks with. All else is
// counted, as it costs us more than him.
int Http2Session::frame_began(const nghttp2_frame_hd& head) {
  if (head.type != NGHTTP2_CONTINUATION) in_head_ = 0;
  const bool is_plain = head.type == NGHTTP2_DATA && (head.flags & NGHTTP2_FLAG_PADDED) == 0;
  data_stream_ = head.stream_id;
  data_left_ = is_plain ? head.length : 0;
  if (head.type == NGHTTP2_DATA && head.length > 0) {
    frames_.credit((head.length / 1024 + 1) * kFramesAKiB);
    return 0;
  }
  if (head.type == NGHTTP2_HEADERS) return 0;
  const auto now = [this] { return owner_.now(); };
  const bool resets = head.type == NGHTTP2_RST_STREAM && !resets_.take(now);
  if (resets || !frames_.take(now)) is_too_busy_ = true;
  return 0;
}

int Http2Session::headers_began(const nghttp2_frame& frame) {
  in_head_ = frame.hd.stream_id;
  head_since_ = owner_.now();
  if (frame.headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
  frames_.credit(kFramesARequest);  // not for heads of streams that were, which ask for nothing
  SessionStream& stream = *sharing_.spare.take().release();
  stream.begin(*this, frame.hd.stream_id);
  stream.next = open_;
  if (open_ != nullptr) open_->previous = &stream;
  open_ = &stream;
  nghttp2_session_set_stream_user_data(session_, stream.id, &stream);
  return 0;
}

int Http2Session::frame_came(const nghttp2_frame& frame) {
  switch (frame.hd.type) {
    case NGHTTP2_SETTINGS:
      has_greeted_ = true;
      return 0;
    case NGHTTP2_HEADERS:
      in_head_ = 0;
      break;
    case NGHTTP2_DATA:
      break;
    default:
      return 0;
  }
  SessionStream* const stream = stream_of(frame.hd.stream_id);
  if (stream == nullptr) return 0;
  if (stream->call == nullptr) stream->call = &sharing_.service.begin(*stream);
  if ((frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
    stream->client_ended = true;
    stream->call->ended();
  }
  return 0;
}

// The connection's window is given back at once, so that no stream can stall another.
int Http2Session::body_came(std::int32_t id, std::span<const std::byte> bytes) {
  SessionStream* const stream = stream_of(id);
  data_left_ -= std::min(data_left_, bytes.size());
  if (stream == nullptr || stream->call == nullptr) {
    return nghttp2_session_consume(session_, id, bytes.size());
  }
  const std::size_t taken = stream->call->received(bytes);
  if (taken == bytes.size()) return nghttp2_session_consume(session_, id, taken);
  if (taken > 0) nghttp2_session_consume_stream(session_, id, taken);
  return nghttp2_session_consume_connection(session_, bytes.size());
}

int Http2Session::frame_went(const nghttp2_frame& frame) {
  if (frame.hd.type == NGHTTP2_RST_STREAM) count_broken_off(frame.hd.stream_id);
  const bool can_end = frame.hd.type == NGHTTP2_HEADERS || frame.hd.type == NGHTTP2_DATA;
  if (!can_end || (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return 0;
  SessionStream* const stream = stream_of(frame.hd.stream_id);
  if (stream == nullptr) return 0;
  stream->is_ended = true;
  // It is answered, whatever else the client would have said.
  if (!stream->client_ended) {
    return nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream->id, NGHTTP2_NO_ERROR);
  }
  return 0;
}

// What the client makes nghttp2 break off, by a window that overflows for one, costs as much as
// what it resets itself.
void Http2Session::count_broken_off(std::int32_t id) {
  const SessionStream* const stream = stream_of(id);
  if (stream == nullptr || stream->is_ended || stream->closing != Http2Closing::kByClient) return;
  if (!resets_.take([this] { return owner_.now(); })) is_too_busy_ = true;
}

int Http2Session::body_goes(SessionStream& stream, const std::uint8_t* frame_head,
                            std::size_t bytes) {
  if (out_->size() >= enough_) return NGHTTP2_ERR_WOULDBLOCK;
  const auto* const head = reinterpret_cast<const std::byte*>(frame_head);
  out_->insert(out_->end(), head, head + kFrameHeadBytes);
  stream.put(bytes, *out_);
  frames_.credit(kFramesAKiB);  // for the windows that the client opens
  if (!std::exchange(stream.is_told_later, true)) told_later_.push_back(&stream);
  return 0;
}

ssize_t Http2Session::read_body(nghttp2_session* session, std::int32_t, std::uint8_t*,
                                std::size_t length, std::uint32_t* flags,
                                nghttp2_data_source* source, void*) {
  auto& stream = *static_cast<SessionStream*>(source->ptr);
  const std::size_t bytes = stream.ready_bytes(length);
  if (stream.ends_behind(bytes)) {
    if (!stream.submit_trailers(session)) return NGHTTP2_ERR_CALLBACK_FAILURE;
    *flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
  } else if (bytes == 0) {
    stream.defer();
    return NGHTTP2_ERR_DEFERRED;
  }
  if (bytes > 0) *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  return static_cast<ssize_t>(bytes);
}

void Http2Session::stream_closed(std::int32_t id) noexcept {
  // One that was broken off for its head: no end of that is told.
  if (in_head_ == id) in_head_ = 0;
  SessionStream* const stream = stream_of(id);
  if (stream == nullptr) return;
  unlink(*stream);
  Http2Call* const call = stream->call;
  const Http2Closing closing = stream->is_ended ? Http2Closing::kAnswered : stream->closing;
  if (call != nullptr) call->closed(closing);
  sharing_.spare.give_back(std::unique_ptr<SessionStream>(stream));
}

}  // namespace muster
