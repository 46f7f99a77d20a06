// SPDX-License-Identifier: Apache-2.0
// What one client sends over HTTP/2, in pieces, without a socket. The first byte says how: its low
// bits how large the pieces are, its high ones whether the greeting is put in front of them and
// whether time passes between them. Calls do what the last letter of their path says.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/http2/http2_session.h"

namespace {

using namespace muster;
using namespace std::string_view_literals;

constexpr std::string_view kGreeting = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"sv;
constexpr std::size_t kStreamWindow = std::size_t{1} << 20;

void require(bool condition) {
  if (!condition) std::abort();
}

const std::vector<Http2Header> kHead{{":status", "200"}, {"content-type", "application/grpc"}};
const std::vector<Http2Header> kTrailers{{"grpc-status", "0"}, {"muster-timing", "none", true}};

// Hears everything in order, once, and nothing after it was closed.
class Call final : public Http2Call {
 public:
  explicit Call(Http2Stream& stream) : stream_(stream) {
    const std::string_view path = stream.field(Http2Field::kPath);
    manner_ = path.empty() ? 'e' : path.back();
    if (manner_ == 'b') answer();
    if (manner_ == 'o') stream_.respond_only(kHead);
    if (manner_ == 'r') stream_.reset(Http2Error::kCancel);
    static_cast<void>(stream.peer());
  }
  ~Call() { require(closed_); }

  std::size_t received(std::span<const std::byte> bytes) override {
    require(!closed_ && !ended_);
    // Reads all of it.
    text_.append(reinterpret_cast<const char*>(bytes.data()),
                 std::min<std::size_t>(64, bytes.size()));
    if (manner_ != 'k') return bytes.size();
    kept_ += bytes.size();
    require(kept_ <= kStreamWindow);
    return 0;
  }
  void ended() override {
    require(!closed_ && !ended_);
    ended_ = true;
    if (kept_ > 0) stream_.consume(kept_);
    if (!answered_ && manner_ != 'o' && manner_ != 'r') answer();
  }
  void sent(std::size_t sends) override {
    require(!closed_);
    sent_ += sends;
    require(sends > 0 && sent_ <= asked_);
    if (manner_ == 's' && !finished_) go_on();
  }
  void closed(Http2Closing) override {
    require(!closed_);
    closed_ = true;
    text_.clear();
    text_.shrink_to_fit();
    body_.reset();
  }
  void check_time(TimePoint) override { require(!closed_); }
  void stop() override { require(!closed_); }

 private:
  void answer() {
    answered_ = true;
    stream_.respond(kHead);
    body_ = std::make_unique<std::string>(manner_ == 'l' ? 200'000 : 10, 'x');
    go_on();
  }
  void go_on() {
    ++asked_;
    stream_.send(std::as_bytes(std::span(*body_)));
    if (manner_ == 's' && asked_ < 5) return;
    finished_ = true;
    stream_.finish(kTrailers);
  }

  Http2Stream& stream_;
  char manner_ = 'e';
  std::string text_;
  std::unique_ptr<std::string> body_;
  std::size_t kept_ = 0;
  std::size_t asked_ = 0;
  std::size_t sent_ = 0;
  bool answered_ = false;
  bool finished_ = false;
  bool ended_ = false;
  bool closed_ = false;
};

class Service final : public Http2Service {
 public:
  Http2Call& begin(Http2Stream& stream) override {
    return *calls_.emplace_back(std::make_unique<Call>(stream));
  }

 private:
  std::vector<std::unique_ptr<Call>> calls_;
};

class Owner final : public Http2Session::Owner {
 public:
  void has_output() noexcept override {}
  TimePoint now() override { return time; }
  TimePoint time{std::chrono::seconds(1000)};
};

// Whole frames and nothing else.
void check_frames(std::span<const std::byte> frames) {
  while (!frames.empty()) {
    require(frames.size() >= 9);
    std::size_t size = 9;
    for (int i = 0; i < 3; ++i)
      size += std::to_integer<std::size_t>(frames[static_cast<std::size_t>(i)]) << (8 * (2 - i));
    require(size <= 9 + 16384 && size <= frames.size());
    frames = frames.subspan(size);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t piece = std::size_t{1} << (data[0] & 15U);
  const bool greets = (data[0] & 16U) != 0;
  const bool takes_time = (data[0] & 32U) != 0;
  std::string bytes(greets ? kGreeting : ""sv);
  bytes.append(reinterpret_cast<const char*>(data + 1), size - 1);

  FrontendLimits limits;
  limits.max_streams = 20;
  limits.max_header_bytes = 4096;
  limits.max_resets = 50;
  limits.max_control_frames = 200;
  Service service;
  SpareStreams spare;
  Owner owner;
  const Http2Peer peer;
  Http2Session session({service, limits, spare}, peer, owner);
  std::vector<std::byte> out;
  bool goes_on = true;
  for (std::size_t at = 0; goes_on && at < bytes.size() && !session.is_over(); at += piece) {
    const std::string_view part = std::string_view(bytes).substr(at, piece);
    goes_on = session.receive(std::as_bytes(std::span(part)));
    out.clear();
    goes_on = session.fill(out, std::size_t{1} << 16) && goes_on;
    check_frames(out);
    if (!takes_time) continue;
    owner.time += std::chrono::seconds(1);
    goes_on = goes_on && session.check_time(owner.time);
  }
  session.stop();
  session.close(Http2Closing::kServerEnds);
  return 0;
}
