// SPDX-License-Identifier: Apache-2.0
// Of HTTP/2 (RFC 9113) what a client of one method needs: every request has the same headers, sent
// as names and values once and by their numbers from then on, as real clients do.
#include <algorithm>
#include <deque>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "client/frames.h"
#include "client/header_decoder.h"
#include "client/request_headers.h"
#include "client/wire.h"

namespace muster {
namespace {

constexpr std::size_t kMessageHeadBytes = 5;  // of gRPC: a flag and a length
constexpr std::uint32_t kOwnWindow = 1U << 30U;
constexpr std::uint32_t kMostStreams = 1U << 30U;  // a connection ends before they run out
constexpr std::int64_t kMostWindow = (std::int64_t{1} << 31) - 1;
constexpr std::size_t kMostUnsentAcks = std::size_t{1} << 20;  // bytes

constexpr std::uint32_t kSettingTableBytes = 1;
constexpr std::uint32_t kSettingMostStreams = 3;
constexpr std::uint32_t kSettingWindow = 4;
constexpr std::uint32_t kSettingFrameBytes = 5;

constexpr int kUnavailable = 14;
constexpr int kResourceExhausted = 8;
constexpr std::uint32_t kRefusedStream = 7;  // an error code of HTTP/2

Status broken(std::string_view why) {
  return unavailable("the server breaks HTTP/2: " + std::string(why));
}

class GrpcWire final : public Wire {
 public:
  GrpcWire(const GrpcCalls& calls, const WireLimits& limits)
      : limits_(limits),
        headers_(calls.path, calls.authority, calls.bearer_token),
        calls_(static_cast<std::size_t>(calls.streams)) {}

  void greet(Outbox& out) override {
    scratch_ = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    append_frame_head(scratch_, 12, FrameType::kSettings, 0, 0);
    append_number(scratch_, 2, 2);  // no pushes
    append_number(scratch_, 0, 4);
    append_number(scratch_, 4, 2);  // the first window of a stream
    append_number(scratch_, kOwnWindow, 4);
    append_window_update(kOwnWindow);
    flush(out);
  }

  void ask(int slot, std::string_view request, Outbox& out) override {
    Call& call = calls_[static_cast<std::size_t>(slot)];
    call.request = request;
    call.sent = 0;
    call.stream = 0;
    call.reply.clear();
    call.fields = {};
    waiting_.push_back(slot);
    send_waiting(out);
  }

  Status take(std::string_view bytes, Outbox& out, AnswerListener& listener) override {
    // Most of what comes are whole frames: no need to keep them.
    std::string_view rest = bytes;
    if (!received_.empty()) {
      received_ += bytes;
      rest = received_;
    }
    if (!greeted_ && rest.substr(0, 5) == std::string_view("HTTP/").substr(0, rest.size()))
      return failed_precondition(
          "the server does not speak gRPC there; if that port speaks HTTP/1.1, the URL begins "
          "with http://");
    while (rest.size() >= kFrameHeadBytes) {
      const std::size_t size = number_at(rest, 0, 3);
      if (size > kFirstFrameBytes) return broken("a frame is larger than allowed");
      if (rest.size() < kFrameHeadBytes + size) break;
      MUSTER_RETURN_IF_ERROR(take_frame(rest, rest.substr(kFrameHeadBytes, size), out, listener));
      rest.remove_prefix(kFrameHeadBytes + size);
    }
    if (received_.empty()) {
      received_ = rest;
    } else {
      received_.erase(0, received_.size() - rest.size());
    }
    send_waiting(out);
    return {};
  }

  Status end(AnswerListener&) override {
    if (!busy() && greeted_) return {};
    return unavailable(greeted_ ? "the server closed the connection without an answer"
                                : "the server closed the connection without a word; if that port "
                                  "speaks HTTP/1.1, the URL begins with http://");
  }

  [[nodiscard]] bool reusable() const noexcept override {
    return !going_away_ && next_stream_ < kMostStreams;
  }

 private:
  struct Call {
    std::uint32_t stream = 0;  // 0 = none yet, or free
    std::string_view request;  // the message
    std::size_t sent = 0;      // of it and its head
    std::int64_t window = 0;   // what the server still takes of it
    std::string reply;         // message and head
    GrpcFields fields;
  };

  [[nodiscard]] bool busy() const noexcept { return active_ > 0 || !waiting_.empty(); }

  void append_window_update(std::uint32_t bytes) {
    append_frame_head(scratch_, 4, FrameType::kWindowUpdate, 0, 0);
    append_number(scratch_, bytes, 4);
  }
  void flush(Outbox& out) {
    out.append(scratch_);
    scratch_.clear();
  }

  // As far as the server's windows let them, in order.
  void send_waiting(Outbox& out) {
    while (!waiting_.empty()) {
      Call& call = calls_[static_cast<std::size_t>(waiting_.front())];
      if (call.stream == 0) {
        if (active_ >= most_streams_ || !reusable()) break;
        begin(call);
      }
      if (!send_part(call, out)) break;
      waiting_.pop_front();
    }
    flush(out);
  }

  void begin(Call& call) {
    call.stream = next_stream_;
    call.window = stream_window_;
    next_stream_ += 2;
    ++active_;
    block_.clear();
    headers_.append_to(block_);
    append_frame_head(scratch_, block_.size(), FrameType::kHeaders, kEndHeaders, call.stream);
    scratch_ += block_;
  }

  // False: the windows are used up before its end.
  bool send_part(Call& call, Outbox& out) {
    const std::size_t whole = kMessageHeadBytes + call.request.size();
    while (call.sent < whole) {
      const std::int64_t window = std::min(window_, call.window);
      const std::size_t most =
          window <= 0 ? 0 : std::min(static_cast<std::size_t>(window), frame_bytes_);
      const std::size_t size = std::min(whole - call.sent, most);
      // The head goes with the first part.
      if (size < (call.sent == 0 ? kMessageHeadBytes : 1)) return false;
      append_frame_head(scratch_, size, FrameType::kData,
                        call.sent + size == whole ? kEndStream : 0, call.stream);
      std::size_t of_message = size;
      if (call.sent == 0) {
        scratch_ += '\0';  // not compressed
        append_number(scratch_, static_cast<std::uint32_t>(call.request.size()), 4);
        of_message -= kMessageHeadBytes;
      }
      flush(out);
      out.refer(call.request.substr(call.sent + size - of_message - kMessageHeadBytes, of_message));
      call.sent += size;
      call.window -= static_cast<std::int64_t>(size);
      window_ -= static_cast<std::int64_t>(size);
    }
    return true;
  }

  Status take_frame(std::string_view head, std::string_view payload, Outbox& out,
                    AnswerListener& listener) {
    const auto type = static_cast<FrameType>(head[3]);
    const auto flags = static_cast<std::uint8_t>(head[4]);
    const std::uint32_t stream = number_at(head, 5, 4) & 0x7fffffffU;
    if (!greeted_ && type != FrameType::kSettings) return broken("it does not begin with settings");
    greeted_ = true;
    if (block_stream_ != 0 && type != FrameType::kContinuation)
      return broken("a header block is interrupted");
    switch (type) {
      case FrameType::kData:
        return take_data(stream, flags, payload, out, listener);
      case FrameType::kHeaders:
        return take_headers(stream, flags, payload, listener);
      case FrameType::kContinuation:
        if (block_stream_ == 0 || stream != block_stream_) return broken("a block is continued");
        return take_block(flags, payload, listener);
      case FrameType::kResetStream:
        if (payload.size() != 4) return broken("a stream's end has a wrong size");
        return take_reset(stream, number_at(payload, 0, 4), listener);
      case FrameType::kSettings:
        return take_settings(flags, payload, out);
      case FrameType::kPing:
        if (payload.size() != 8) return broken("a ping has a wrong size");
        return (flags & kAck) != 0 ? Status() : acknowledge(type, payload, out);
      case FrameType::kGoAway:
        return take_goaway(payload, listener);
      case FrameType::kWindowUpdate:
        return take_window_update(stream, payload);
      case FrameType::kPushPromise:
        return broken("it pushes although it was told not to");
      case FrameType::kPriority:
        break;
    }
    return {};  // unknown frames are passed over
  }

  // Removes padding, and the priority of HEADERS.
  static bool unpad(std::uint8_t flags, bool headers, std::string_view& payload) {
    std::size_t padding = 0;
    if ((flags & kPadded) != 0) {
      if (payload.empty()) return false;
      padding = static_cast<std::uint8_t>(payload.front());
      payload.remove_prefix(1);
    }
    if (headers && (flags & kPriority) != 0) {
      if (payload.size() < 5) return false;
      payload.remove_prefix(5);
    }
    if (padding > payload.size()) return false;
    payload.remove_suffix(padding);
    return true;
  }

  Status take_data(std::uint32_t stream, std::uint8_t flags, std::string_view payload, Outbox& out,
                   AnswerListener& listener) {
    // The window is of whole payloads, padding included.
    consumed_ += static_cast<std::uint32_t>(payload.size());
    if (consumed_ > kOwnWindow / 2) {
      append_window_update(consumed_);
      flush(out);
      consumed_ = 0;
    }
    if (!unpad(flags, false, payload)) return broken("data have more padding than bytes");
    Call* const call = call_of(stream);
    if (call == nullptr) return closed_stream(stream);
    if (payload.size() > limits_.max_reply_bytes + kMessageHeadBytes - call->reply.size())
      return unavailable("the server's answer has more than " +
                         std::to_string(limits_.max_reply_bytes) + " bytes");
    call->reply += payload;
    if ((flags & kEndStream) != 0) finish(*call, listener);
    return {};
  }

  Status take_headers(std::uint32_t stream, std::uint8_t flags, std::string_view payload,
                      AnswerListener& listener) {
    if (stream == 0 || !unpad(flags, true, payload)) return broken("headers are malformed");
    block_stream_ = stream;
    block_ends_stream_ = (flags & kEndStream) != 0;
    received_block_.clear();
    return take_block(flags, payload, listener);
  }

  Status take_block(std::uint8_t flags, std::string_view payload, AnswerListener& listener) {
    if (payload.size() > limits_.max_head_bytes - received_block_.size())
      return broken("headers are larger than allowed");
    if ((flags & kEndHeaders) == 0) {
      received_block_ += payload;
      return {};
    }
    std::string_view block = payload;
    if (!received_block_.empty()) {
      received_block_ += payload;
      block = received_block_;
    }
    Call* const call = call_of(std::exchange(block_stream_, 0));
    GrpcFields unwanted;
    if (!decoder_.read(block, call != nullptr ? call->fields : unwanted))
      return broken("headers are malformed");
    if (call != nullptr && block_ends_stream_) finish(*call, listener);
    return {};
  }

  // A stream that was answered may still be told something.
  Status closed_stream(std::uint32_t stream) const {
    return stream != 0 && stream < next_stream_ ? Status()
                                                : broken("an unknown stream is answered");
  }

  Status take_reset(std::uint32_t stream, std::uint32_t error, AnswerListener& listener) {
    Call* const call = call_of(stream);
    if (call == nullptr) return closed_stream(stream);
    const bool refused = error == kRefusedStream;
    answer(*call, refused ? Outcome::kRefused : Outcome::kFailed, 0,
           "the server reset the stream, error " + std::to_string(error), listener);
    return {};
  }

  Status take_settings(std::uint8_t flags, std::string_view payload, Outbox& out) {
    if ((flags & kAck) != 0) return {};
    if (payload.size() % 6 != 0) return broken("settings have a wrong size");
    for (; !payload.empty(); payload.remove_prefix(6)) {
      const std::uint32_t value = number_at(payload, 2, 4);
      switch (number_at(payload, 0, 2)) {
        case kSettingTableBytes:
          if (value < HeaderDecoder::kTableBytes) headers_.forget();
          break;
        case kSettingMostStreams:
          most_streams_ = value;
          break;
        case kSettingWindow:
          if (value > kMostWindow) return broken("a window is too large");
          for (Call& call : calls_)
            call.window += static_cast<std::int64_t>(value) - stream_window_;
          stream_window_ = value;
          break;
        case kSettingFrameBytes:
          if (value < kFirstFrameBytes) return broken("frames are too small");
          frame_bytes_ = std::min<std::size_t>(value, std::size_t{1} << 20);
          break;
        default:
          break;
      }
    }
    return acknowledge(FrameType::kSettings, {}, out);
  }

  // A server that asks and does not read would have all of them kept.
  Status acknowledge(FrameType type, std::string_view payload, Outbox& out) {
    if (out.bytes_out() >= acks_mark_) {
      acks_before_ = out.bytes_out() >= acks_end_ ? 0 : acks_since_;
      acks_since_ = 0;
      acks_mark_ = out.bytes_in();
    }
    append_frame_head(scratch_, payload.size(), type, kAck, 0);
    scratch_ += payload;
    acks_since_ += kFrameHeadBytes + payload.size();
    flush(out);
    acks_end_ = out.bytes_in();
    if (acks_before_ + acks_since_ <= kMostUnsentAcks) return {};
    return broken("it asks for more acknowledgements than it takes");
  }

  Status take_window_update(std::uint32_t stream, std::string_view payload) {
    if (payload.size() != 4) return broken("a window's update has a wrong size");
    const std::int64_t more = number_at(payload, 0, 4) & 0x7fffffffU;
    Call* const call = stream == 0 ? nullptr : call_of(stream);
    if (stream != 0 && call == nullptr) return closed_stream(stream);
    std::int64_t& window = call == nullptr ? window_ : call->window;
    if (more > kMostWindow - window) return broken("a window is too large");
    window += more;
    return {};
  }

  Status take_goaway(std::string_view payload, AnswerListener& listener) {
    if (payload.size() < 8) return broken("its farewell has a wrong size");
    going_away_ = true;
    const std::uint32_t last = number_at(payload, 0, 4) & 0x7fffffffU;
    const std::string why = "the server closes the connection, error " +
                            std::to_string(number_at(payload, 4, 4)) + " " +
                            printable(payload.substr(8));
    for (Call& call : calls_) {
      if (call.stream > last) answer(call, Outcome::kRefused, 0, why, listener);
    }
    // What has no stream yet gets none here.
    for (const int slot : std::exchange(waiting_, {})) {
      Call& call = calls_[static_cast<std::size_t>(slot)];
      if (call.stream != 0) {
        waiting_.push_back(slot);
      } else {
        listener.answered({slot, Outcome::kRefused, why, 0});
      }
    }
    return {};
  }

  // Few streams: looking through them is cheaper than a table.
  Call* call_of(std::uint32_t stream) noexcept {
    if (stream == 0) return nullptr;
    for (Call& call : calls_) {
      if (call.stream == stream) return &call;
    }
    return nullptr;
  }

  void finish(Call& call, AnswerListener& listener) {
    const std::string_view reply = call.reply;
    if (call.fields.grpc_status.value_or(-1) == 0) {
      const bool whole = reply.size() >= kMessageHeadBytes && reply.front() == '\0' &&
                         number_at(reply, 1, 4) == reply.size() - kMessageHeadBytes;
      if (whole) return answer(call, Outcome::kAnswered, 0, {}, listener);
      return answer(call, Outcome::kFailed, 0, "the server's answer is no single message",
                    listener);
    }
    const int code = call.fields.grpc_status.value_or(0);
    if (code == 0)
      return answer(call, Outcome::kFailed, 0,
                    "the server answers without gRPC's status, HTTP status " +
                        std::to_string(call.fields.http_status),
                    listener);
    const bool refused = code == kUnavailable || code == kResourceExhausted;
    answer(call, refused ? Outcome::kRefused : Outcome::kFailed, code,
           std::move(call.fields.grpc_message), listener);
  }

  void answer(Call& call, Outcome outcome, int code, std::string why, AnswerListener& listener) {
    const int slot = static_cast<int>(&call - calls_.data());
    call.stream = 0;
    --active_;
    std::erase(waiting_, slot);
    // The slot may be asked again from within the call.
    std::swap(call.reply, reply_);
    const std::string_view body = outcome == Outcome::kAnswered
                                      ? std::string_view(reply_).substr(kMessageHeadBytes)
                                      : std::string_view(why);
    listener.answered({slot, outcome, body, code});
  }

  const WireLimits limits_;
  RequestHeaders headers_;
  std::vector<Call> calls_;  // by slot
  std::deque<int> waiting_;  // slots whose requests are not sent to their end
  std::uint32_t next_stream_ = 1;
  std::uint32_t active_ = 0;
  std::uint32_t most_streams_ = std::numeric_limits<std::uint32_t>::max();
  std::int64_t window_ = kFirstWindow;  // what the server still takes on this connection
  std::int64_t stream_window_ = kFirstWindow;
  std::size_t frame_bytes_ = kFirstFrameBytes;
  std::uint32_t consumed_ = 0;  // of our window, since it was last told
  bool greeted_ = false;        // the server's settings came
  bool going_away_ = false;
  // Bytes of acknowledgements that went into the outbox before it had taken `acks_mark_` bytes, and
  // since: the former are unsent at most until so many have left it.
  std::uint64_t acks_mark_ = 0;
  std::uint64_t acks_end_ = 0;  // of the newest, in the outbox
  std::size_t acks_before_ = 0;
  std::size_t acks_since_ = 0;

  HeaderDecoder decoder_;
  std::uint32_t block_stream_ = 0;  // whose header block is continued; 0 = none
  bool block_ends_stream_ = false;
  std::string received_block_;
  std::string received_;  // the beginning of a frame
  std::string scratch_;   // what goes out next
  std::string block_;
  std::string reply_;
};

}  // namespace

std::unique_ptr<Wire> make_grpc_wire(GrpcCalls calls, const WireLimits& limits) {
  return std::make_unique<GrpcWire>(calls, limits);
}

}  // namespace muster
