// SPDX-License-Identifier: Apache-2.0
// Of HTTP/2 (RFC 9113) and HPACK (RFC 7541) what a client of one method needs: every request has
// the same headers, sent as names and values once and by their numbers from then on, as real
// clients do. Headers that come are not read: an answer that has a message is one, any other is a
// refusal.
#include <cstdint>
#include <deque>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench/clients/wire.h"

namespace muster::bench {
namespace {

enum FrameType : std::uint8_t {
  kData = 0,
  kHeaders = 1,
  kResetStream = 3,
  kSettings = 4,
  kPing = 6,
  kGoAway = 7,
  kWindowUpdate = 8,
};
constexpr std::uint8_t kEndStream = 1;  // of DATA and HEADERS
constexpr std::uint8_t kAck = 1;        // of SETTINGS and PING
constexpr std::uint8_t kEndHeaders = 4;

constexpr std::size_t kFrameHead = 9;
constexpr std::size_t kMessageHead = 5;  // of gRPC: a flag and a length
constexpr std::int64_t kFirstWindow = 65535;
constexpr std::uint32_t kOwnWindow = 1 << 30;

void append_number(std::string& out, std::uint32_t value, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
    out += static_cast<char>(value >> shift & 0xff);
}

std::uint32_t number_at(std::string_view text, std::size_t at, std::size_t bytes) {
  std::uint32_t value = 0;
  for (const char c : text.substr(at, bytes))
    value = value << 8 | static_cast<std::uint8_t>(c);
  return value;
}

void append_frame_head(std::string& out, std::size_t size, FrameType type, std::uint8_t flags,
                       std::uint32_t stream) {
  append_number(out, static_cast<std::uint32_t>(size), 3);
  out += static_cast<char>(type);
  out += static_cast<char>(flags);
  append_number(out, stream, 4);
}

void append_text(std::string& out, std::string_view text) {
  out += static_cast<char>(text.size());  // below 127, no Huffman code
  out += text;
}

// Entries of HPACK's static table are named by number; 0x40 puts an entry into the connection's.
std::string first_headers() {
  std::string block = "\x83\x86";  // :method POST, :scheme http
  block += '\x44';
  append_text(block, "/inference.GRPCInferenceService/ModelInfer");
  block += '\x41';
  append_text(block, "localhost");
  block += '\x40';
  append_text(block, "te");
  append_text(block, "trailers");
  block += '\x5f';
  append_text(block, "application/grpc");
  block += '\x7a';
  append_text(block, "muster-bench");
  return block;
}
// The five that were put there, the last of them being number 62.
constexpr std::string_view kNextHeaders = "\x83\x86\xc2\xc1\xc0\xbf\xbe";

class GrpcWire final : public Wire {
 public:
  explicit GrpcWire(int slots) : calls_(static_cast<std::size_t>(slots)) {}

  void greet(std::string& out) override {
    out += "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    append_frame_head(out, 12, kSettings, 0, 0);
    append_number(out, 2, 2);  // no pushes
    append_number(out, 0, 4);
    append_number(out, 4, 2);  // the first window of a stream
    append_number(out, kOwnWindow, 4);
    append_window_update(out, kOwnWindow);
  }

  void ask(int slot, std::string_view request, std::string& out) override {
    if (request.size() > kMaxGrpcMessage) throw std::runtime_error("too large for one frame");
    waiting_.push_back({slot, request});
    send_waiting(out);
  }

  void take(std::string_view bytes, std::string& out, const OnAnswer& on_answer) override {
    received_ += bytes;
    std::size_t at = 0;
    while (received_.size() - at >= kFrameHead) {
      const std::string_view rest = std::string_view(received_).substr(at);
      const std::size_t size = number_at(rest, 0, 3);
      if (rest.size() < kFrameHead + size) break;
      take_frame(rest, rest.substr(kFrameHead, size), out, on_answer);
      at += kFrameHead + size;
    }
    received_.erase(0, at);
    send_waiting(out);
  }

 private:
  struct Call {
    std::uint32_t stream = 0;  // 0 = free
    std::string message;
  };
  struct Request {
    int slot;
    std::string_view message;
  };

  static void append_window_update(std::string& out, std::uint32_t bytes) {
    append_frame_head(out, 4, kWindowUpdate, 0, 0);
    append_number(out, bytes, 4);
  }

  // As far as the server's window lets them.
  void send_waiting(std::string& out) {
    while (!waiting_.empty()) {
      const Request& next = waiting_.front();
      const std::size_t size = kMessageHead + next.message.size();
      if (window_ < static_cast<std::int64_t>(size)) return;
      window_ -= static_cast<std::int64_t>(size);
      calls_[static_cast<std::size_t>(next.slot)].stream = next_stream_;
      const std::string first = next_stream_ == 1 ? first_headers() : std::string();
      const std::string_view headers = first.empty() ? kNextHeaders : std::string_view(first);
      append_frame_head(out, headers.size(), kHeaders, kEndHeaders, next_stream_);
      out += headers;
      append_frame_head(out, size, kData, kEndStream, next_stream_);
      out += '\0';  // not compressed
      append_number(out, static_cast<std::uint32_t>(next.message.size()), 4);
      out += next.message;
      next_stream_ += 2;
      waiting_.pop_front();
    }
  }

  void take_frame(std::string_view head, std::string_view payload, std::string& out,
                  const OnAnswer& on_answer) {
    const auto type = static_cast<std::uint8_t>(head[3]);
    const auto flags = static_cast<std::uint8_t>(head[4]);
    const std::uint32_t stream = number_at(head, 5, 4);
    if (type == kData) {
      call_of(stream).message += payload;
      consumed_ += static_cast<std::uint32_t>(payload.size());
      if (consumed_ > kOwnWindow / 2) {
        append_window_update(out, consumed_);
        consumed_ = 0;
      }
    }
    if (type == kResetStream || type == kGoAway)
      throw std::runtime_error("the server ends a stream or the connection");
    if (type == kWindowUpdate && stream == 0) window_ += number_at(payload, 0, 4);
    if (type == kSettings && (flags & kAck) == 0) append_frame_head(out, 0, kSettings, kAck, 0);
    if (type == kPing && (flags & kAck) == 0) {
      append_frame_head(out, payload.size(), kPing, kAck, 0);
      out += payload;
    }
    if ((type == kData || type == kHeaders) && (flags & kEndStream) != 0) end(stream, on_answer);
  }

  Call& call_of(std::uint32_t stream) {
    for (Call& call : calls_) {
      if (call.stream == stream) return call;
    }
    throw std::runtime_error("an answer that nobody waits for");
  }

  void end(std::uint32_t stream, const OnAnswer& on_answer) {
    Call& call = call_of(stream);
    call.stream = 0;
    const bool accepted = call.message.size() > kMessageHead;
    // The slot may be asked again from within the call.
    std::string message = std::move(call.message);
    call.message.clear();
    on_answer({static_cast<int>(&call - calls_.data()), accepted,
               accepted ? std::string_view(message).substr(kMessageHead) : std::string_view()});
  }

  std::vector<Call> calls_;  // by slot
  std::deque<Request> waiting_;
  std::uint32_t next_stream_ = 1;
  std::int64_t window_ = kFirstWindow;  // what the server still takes on this connection
  std::uint32_t consumed_ = 0;          // of ours, since it was last told
  std::string received_;
};

}  // namespace

std::unique_ptr<Wire> make_grpc_wire(int slots) {
  return std::make_unique<GrpcWire>(slots);
}

}  // namespace muster::bench
