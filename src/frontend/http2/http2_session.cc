// SPDX-License-Identifier: Apache-2.0
#include "frontend/http2/http2_session.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>
#include <new>
#include <utility>

namespace muster {
namespace {

using std::chrono::seconds;

// What a client may send on a stream before it is told that it was dealt with, and on all streams
// of a connection together. Large messages come in as few turns as these say.
constexpr std::int32_t kStreamWindow = 1 << 20;
constexpr std::int32_t kConnectionWindow = 4 << 20;
// A frame each 16 KiB, which is what clients send otherwise, would cost more than what it holds.
// Between two frames the other streams have their turn.
constexpr std::uint32_t kFrameBytes = std::uint32_t{256} << 10;
// A client that is gone without a word is found out after both of these.
constexpr seconds kPingAfter{60};
constexpr seconds kPingPatience{20};
// Frames that wait to be sent, beside those that as many streams as there may be have at a time. A
// client that reads lets none wait; one that does not, and never acknowledges the limit of its
// streams, could have a refusal made of every few bytes.
constexpr std::size_t kWaitingFrames = 4096;
constexpr std::size_t kFramesAStream = 4;
// From telling a client that it should go until requests that it sent meanwhile are here.
constexpr seconds kLeavingTime{1};

std::uint32_t as_setting(std::size_t number) noexcept {
  constexpr std::size_t kMost = std::numeric_limits<std::int32_t>::max();
  return static_cast<std::uint32_t>(std::min(number, kMost));
}

const nghttp2_option* make_options() {
  nghttp2_option* made = nullptr;
  if (nghttp2_option_new(&made) != 0) throw std::bad_alloc();
  nghttp2_option_set_no_auto_window_update(made, 1);
  // Nothing is asked of streams that have ended.
  nghttp2_option_set_no_closed_streams(made, 1);
#ifdef MUSTER_NGHTTP2_LIMITS_RESETS
  // Ours (RateLimit) can be set, and knows what a server under load does to its clients' deadlines.
  constexpr std::uint64_t kNoLimit = std::uint64_t{1} << 40;
  nghttp2_option_set_stream_reset_rate_limit(made, kNoLimit, kNoLimit);
#endif
#ifdef MUSTER_NGHTTP2_REFUSES_SPACES
  // Clients send "Bearer " where they have no token, and want to hear that it takes one.
  nghttp2_option_set_no_rfc9113_leading_and_trailing_ws_validation(made, 1);
#endif
  return made;
}

const nghttp2_option* options() {
  static const nghttp2_option* const kOptions = make_options();
  return kOptions;
}

}  // namespace

Http2Session::Http2Session(const Http2Sharing& sharing, const Http2Peer& peer, Owner& owner)
    : sharing_(sharing),
      peer_(peer),
      owner_(owner),
      resets_(sharing.limits.max_resets, owner.now()),
      frames_(sharing.limits.max_control_frames, owner.now()),
      began_(owner.now()),
      heard_(began_) {
  if (nghttp2_session_server_new2(&session_, callbacks(), this, options()) != 0) {
    throw std::bad_alloc();
  }
  const std::array<nghttp2_settings_entry, 5> settings{{
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, as_setting(sharing.limits.max_streams)},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kStreamWindow},
      {NGHTTP2_SETTINGS_MAX_FRAME_SIZE, kFrameBytes},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, as_setting(sharing.limits.max_header_bytes)},
      {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
  }};
  const bool ok =
      nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), settings.size()) == 0 &&
      nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, kConnectionWindow) == 0;
  if (ok) return;
  nghttp2_session_del(session_);
  throw std::bad_alloc();
}

Http2Session::~Http2Session() {
  nghttp2_session_del(session_);
}

SessionStream* Http2Session::stream_of(std::int32_t id) const noexcept {
  return static_cast<SessionStream*>(nghttp2_session_get_stream_user_data(session_, id));
}

bool Http2Session::receive(std::span<const std::byte> bytes) {
  heard_ = owner_.now();
  is_pinged_ = false;
  const ssize_t taken = nghttp2_session_mem_recv(
      session_, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  owner_.has_output();
  if (is_too_busy_) end(Http2Error::kEnhanceYourCalm);
  return taken >= 0 && nghttp2_session_get_outbound_queue_size(session_) <=
                           kWaitingFrames + kFramesAStream * sharing_.limits.max_streams;
}

std::span<std::byte> Http2Session::room() const noexcept {
  if (data_left_ == 0) return {};
  const SessionStream* const stream = stream_of(data_stream_);
  if (stream == nullptr || stream->call == nullptr) return {};
  return stream->call->room(data_left_);
}

bool Http2Session::fill(std::vector<std::byte>& out, std::size_t enough) {
  out_ = &out;
  enough_ = enough;
  do {
    if (!submit_marked()) return false;
    while (out.size() < enough) {
      const std::uint8_t* bytes = nullptr;
      const ssize_t size = nghttp2_session_mem_send(session_, &bytes);
      if (size < 0) return false;
      if (size == 0) break;
      const auto* const begin = reinterpret_cast<const std::byte*>(bytes);
      out.insert(out.end(), begin, begin + size);
    }
    tell_sent();
    if (is_too_busy_) end(Http2Error::kEnhanceYourCalm);
  } while (!marked_.empty() && out.size() < enough);
  out_ = nullptr;
  return true;
}

bool Http2Session::is_over() const noexcept {
  return nghttp2_session_want_read(session_) == 0 && nghttp2_session_want_write(session_) == 0;
}

bool Http2Session::check_time(TimePoint now) {
  for (SessionStream* stream = open_; stream != nullptr; stream = stream->next) {
    if (stream->call == nullptr) continue;
    stream->call->check_time(now);
    if (!stream->is_late(now, sharing_.limits)) continue;
    stream->reset(Http2Error::kCancel);
    stream->closing = Http2Closing::kSendTimedOut;
  }
  return check_peer(now);
}

bool Http2Session::check_peer(TimePoint now) {
  const FrontendLimits& limits = sharing_.limits;
  if (!has_greeted_ && now - began_ >= limits.receive_timeout) return false;
  if (in_head_ != 0 && now - head_since_ >= limits.receive_timeout) return false;
  if (is_leaving_ && !is_ending_ && !has_streams() && now - leaving_since_ >= kLeavingTime) {
    end(Http2Error::kNone);
  }
  if (is_pinged_) return now - pinged_ < kPingPatience;
  if (now - heard_ < kPingAfter) return true;
  is_pinged_ = true;
  pinged_ = now;
  static_cast<void>(nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr));
  owner_.has_output();
  return true;
}

void Http2Session::stop() {
  for (SessionStream* stream = open_; stream != nullptr; stream = stream->next) {
    if (stream->call != nullptr) stream->call->stop();
  }
  leave();
}

void Http2Session::leave() {
  if (std::exchange(is_leaving_, true)) return;
  leaving_since_ = owner_.now();
  static_cast<void>(nghttp2_submit_shutdown_notice(session_));
  owner_.has_output();
}

void Http2Session::end(Http2Error error) noexcept {
  if (std::exchange(is_ending_, true)) return;
  static_cast<void>(nghttp2_session_terminate_session(session_, static_cast<std::uint32_t>(error)));
  owner_.has_output();
}

void Http2Session::close(Http2Closing closing) noexcept {
  marked_.clear();
  told_later_.clear();
  while (open_ != nullptr) {
    SessionStream* const stream = open_;
    unlink(*stream);
    nghttp2_session_set_stream_user_data(session_, stream->id, nullptr);
    if (stream->call != nullptr) stream->call->closed(closing);
    sharing_.spare.give_back(std::unique_ptr<SessionStream>(stream));
  }
}

void Http2Session::unlink(SessionStream& stream) noexcept {
  if (stream.previous != nullptr) stream.previous->next = stream.next;
  if (stream.next != nullptr) stream.next->previous = stream.previous;
  if (open_ == &stream) open_ = stream.next;
  SessionStream* const none = nullptr;
  if (stream.is_marked) std::replace(marked_.begin(), marked_.end(), &stream, none);
  if (stream.is_told_later) std::replace(told_later_.begin(), told_later_.end(), &stream, none);
}

void Http2Session::mark(SessionStream& stream) {
  if (std::exchange(stream.is_marked, true)) return;
  marked_.push_back(&stream);
  owner_.has_output();
}

void Http2Session::consume(SessionStream& stream, std::size_t bytes) noexcept {
  static_cast<void>(nghttp2_session_consume_stream(session_, stream.id, bytes));
  owner_.has_output();
}

bool Http2Session::submit_marked() {
  for (std::size_t i = 0; i < marked_.size(); ++i) {
    if (marked_[i] != nullptr && !marked_[i]->submit(session_)) return false;
  }
  marked_.clear();
  return true;
}

void Http2Session::tell_sent() {
  for (std::size_t i = 0; i < told_later_.size(); ++i) {
    SessionStream* const stream = told_later_[i];
    if (stream == nullptr) continue;
    const std::size_t sends = stream->take_sent();
    if (sends > 0) stream->call->sent(sends);
  }
  told_later_.clear();
}

}  // namespace muster
