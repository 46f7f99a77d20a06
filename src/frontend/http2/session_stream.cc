// SPDX-License-Identifier: Apache-2.0
#include "frontend/http2/session_stream.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "frontend/http2/http2_session.h"

namespace muster {
namespace {

// Beyond so many times the limit nobody is told of it: the stream is broken off.
constexpr std::size_t kFarBeyond = 4;
// What a field counts besides its bytes (RFC 9113, section 10.5.1).
constexpr std::size_t kFieldBytes = 32;

std::string_view text_of(nghttp2_rcbuf* buffer) noexcept {
  const nghttp2_vec bytes = nghttp2_rcbuf_get_buf(buffer);
  return {reinterpret_cast<const char*>(bytes.base), bytes.len};
}

// kCount: nobody asks for it.
Http2Field field_of(std::string_view name) noexcept {
  switch (name.size()) {
    case 2:
      return name == "te" ? Http2Field::kTe : Http2Field::kCount;
    case 5:
      return name == ":path" ? Http2Field::kPath : Http2Field::kCount;
    case 7:
      if (name == ":method") return Http2Field::kMethod;
      return name == ":scheme" ? Http2Field::kScheme : Http2Field::kCount;
    case 10:
      if (name == ":authority") return Http2Field::kAuthority;
      return name == "user-agent" ? Http2Field::kUserAgent : Http2Field::kCount;
    case 12:
      if (name == "content-type") return Http2Field::kContentType;
      return name == "grpc-timeout" ? Http2Field::kTimeout : Http2Field::kCount;
    case 13:
      if (name == "grpc-encoding") return Http2Field::kEncoding;
      return name == "authorization" ? Http2Field::kAuthorization : Http2Field::kCount;
    case 20:
      return name == "grpc-accept-encoding" ? Http2Field::kAcceptEncoding : Http2Field::kCount;
    default:
      return Http2Field::kCount;
  }
}

std::uint8_t* bytes_of(std::string_view text) noexcept {
  return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
}

}  // namespace

void SessionStream::Head::take(std::span<const Http2Header> headers) {
  MUSTER_CHECK(headers.size() <= kMaxHeaders);
  count = 0;
  for (const Http2Header& header : headers) {
    const int flags = NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE |
                      (header.varies ? NGHTTP2_NV_FLAG_NO_INDEX : 0);
    fields[count++] = {bytes_of(header.name), bytes_of(header.value), header.name.size(),
                       header.value.size(), static_cast<std::uint8_t>(flags)};
  }
}

std::string_view SessionStream::field(Http2Field field) const noexcept {
  nghttp2_rcbuf* const value = fields_[static_cast<std::size_t>(field)];
  return value == nullptr ? std::string_view() : text_of(value);
}

const Http2Peer& SessionStream::peer() const noexcept {
  return session_->peer();
}

void SessionStream::consume(std::size_t bytes) noexcept {
  session_->consume(*this, bytes);
}

void SessionStream::respond(std::span<const Http2Header> headers) {
  head_.take(headers);
  answer_ = Answer::kDue;
  session_->mark(*this);
}

void SessionStream::respond_only(std::span<const Http2Header> headers) {
  head_.take(headers);
  answer_ = Answer::kOnlyDue;
  session_->mark(*this);
}

void SessionStream::send(std::span<const std::byte> bytes) {
  if (waiting_bytes_ == 0) {
    waiting_since_ = session_->now();
    limit_bytes_ = 0;
  }
  sends_.push_back(bytes);
  waiting_bytes_ += bytes.size();
  limit_bytes_ += bytes.size();
  session_->mark(*this);
}

void SessionStream::finish(std::span<const Http2Header> trailers) {
  trailers_.take(trailers);
  is_finished_ = true;
  if (waiting_bytes_ == 0) {
    waiting_since_ = session_->now();
    limit_bytes_ = 0;
  }
  session_->mark(*this);
}

void SessionStream::reset(Http2Error error) {
  is_reset_ = true;
  error_ = error;
  closing = Http2Closing::kByServer;
  session_->mark(*this);
}

void SessionStream::begin(Http2Session& session, std::int32_t number) noexcept {
  session_ = &session;
  id = number;
}

void SessionStream::clear() noexcept {
  for (nghttp2_rcbuf*& value : fields_) {
    if (value != nullptr) nghttp2_rcbuf_decref(std::exchange(value, nullptr));
  }
  call = nullptr;
  previous = next = nullptr;
  is_marked = is_told_later = client_ended = is_ended = false;
  closing = Http2Closing::kByClient;
  session_ = nullptr;
  head_bytes_ = 0;
  head_is_too_large_ = false;
  answer_ = Answer::kNone;
  is_finished_ = is_deferred_ = is_reset_ = false;
  sends_.clear();
  first_send_ = first_offset_ = sent_ = waiting_bytes_ = limit_bytes_ = 0;
}

bool SessionStream::take_field(nghttp2_rcbuf* name, nghttp2_rcbuf* value, std::size_t limit) {
  const std::string_view text = text_of(name);
  head_bytes_ += text.size() + nghttp2_rcbuf_get_buf(value).len + kFieldBytes;
  if (head_bytes_ > limit) {
    head_is_too_large_ = true;
    return head_bytes_ / kFarBeyond <= limit;
  }
  // Those of the trailers are nobody's.
  const Http2Field known = call == nullptr ? field_of(text) : Http2Field::kCount;
  if (known == Http2Field::kCount) return true;
  nghttp2_rcbuf*& kept = fields_[static_cast<std::size_t>(known)];
  if (kept != nullptr) return true;
  nghttp2_rcbuf_incref(value);
  kept = value;
  return true;
}

bool SessionStream::submit(nghttp2_session* session) {
  is_marked = false;
  if (is_reset_) {
    return nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, id,
                                     static_cast<std::uint32_t>(error_)) == 0;
  }
  if (answer_ == Answer::kSubmitted) {
    if (std::exchange(is_deferred_, false)) nghttp2_session_resume_data(session, id);
    return true;
  }
  if (answer_ == Answer::kNone) return true;
  const bool has_body = std::exchange(answer_, Answer::kSubmitted) == Answer::kDue;
  nghttp2_data_provider body{};
  body.source.ptr = this;
  body.read_callback = &Http2Session::read_body;
  return nghttp2_submit_response(session, id, head_.fields.data(), head_.count,
                                 has_body ? &body : nullptr) != NGHTTP2_ERR_NOMEM;
}

std::size_t SessionStream::ready_bytes(std::size_t most) const noexcept {
  return std::min(waiting_bytes_, most);
}

bool SessionStream::submit_trailers(nghttp2_session* session) const {
  return nghttp2_submit_trailer(session, id, trailers_.fields.data(), trailers_.count) == 0;
}

void SessionStream::put(std::size_t bytes, std::vector<std::byte>& out) {
  waiting_bytes_ -= bytes;
  while (bytes > 0 || (first_send_ < sends_.size() && sends_[first_send_].empty())) {
    const std::span<const std::byte> rest = sends_[first_send_].subspan(first_offset_);
    const std::size_t part = std::min(rest.size(), bytes);
    out.insert(out.end(), rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(part));
    bytes -= part;
    first_offset_ += part;
    if (part < rest.size()) return;
    first_offset_ = 0;
    ++sent_;
    if (++first_send_ < sends_.size()) continue;
    first_send_ = 0;
    sends_.clear();
  }
}

std::size_t SessionStream::take_sent() noexcept {
  is_told_later = false;
  return std::exchange(sent_, 0);
}

bool SessionStream::is_late(TimePoint now, const FrontendLimits& limits) const noexcept {
  const bool waits = waiting_bytes_ > 0 || (is_finished_ && !is_ended);
  return waits && now - waiting_since_ >= send_limit(limits, limit_bytes_);
}

std::unique_ptr<SessionStream> SpareStreams::take() {
  if (spare_.empty()) {
    spare_.reserve(kMaxSpare);
    return std::make_unique<SessionStream>();
  }
  std::unique_ptr<SessionStream> stream = std::move(spare_.back());
  spare_.pop_back();
  return stream;
}

void SpareStreams::give_back(std::unique_ptr<SessionStream> stream) noexcept {
  stream->clear();
  if (spare_.size() < spare_.capacity()) spare_.push_back(std::move(stream));
}

}  // namespace muster
