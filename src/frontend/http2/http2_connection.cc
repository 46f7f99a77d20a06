// SPDX-License-Identifier: Apache-2.0
#include "frontend/http2/http2_connection.h"

#include <exception>
#include <string_view>
#include <utility>

#include "base/log.h"
#include "frontend/http2/http2_thread.h"

namespace muster {
namespace {

// Frames that are laid together for one call of the system.
constexpr std::size_t kEnoughBytes = std::size_t{64} << 10;
// What is read to where it belongs at once is not copied; less is not worth a call of the system.
constexpr std::size_t kLeastRoom = std::size_t{16} << 10;
// As often in a round; then others have their turn.
constexpr int kMaxSendsAtOnce = 8;
// Closing at once could take the last frames away from a client that is still sending.
constexpr std::chrono::seconds kLingering{2};

// Nobody destroys the connection meanwhile.
class Held {
 public:
  explicit Held(Http2Connection& connection) noexcept : connection_(connection) {
    connection_.hold();
  }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;
  ~Held() { connection_.let_go(); }

 private:
  Http2Connection& connection_;
};

}  // namespace

Http2Connection::Http2Connection(Http2Thread& thread, ListenerFacts& listener, Descriptor socket)
    : thread_(thread),
      listener_(listener),
      peer_{.text = {}, .is_loopback = listener.is_loopback},
      session_(thread.sharing(), peer_, *this),
      stream_(make_stream(thread.loop().events(), *this, std::move(socket), listener.tls)),
      idle_since_(thread.loop().now()) {
  listener_.open.fetch_add(1, std::memory_order_relaxed);
  thread_.link(*this);
}

Http2Connection::~Http2Connection() {
  thread_.unlink(*this);
}

template <typename Step>
void Http2Connection::guard(Step step) noexcept {
  try {
    step();
  } catch (const std::exception& failure) {
    log(LogLevel::kError, std::string_view(failure.what()));
    close(Http2Closing::kByServer);
  }
}

void Http2Connection::begin() {
  const Held held(*this);
  guard([&] {
    if (thread_.services().access_log.enabled()) peer_.text = stream_->peer();
    stream_->open();
  });
}

void Http2Connection::opened(bool ok) {
  if (!ok) return close(Http2Closing::kByClient);
  state_ = State::kOpen;
  has_output();
  stream_->receive(thread_.scratch());
}

std::span<std::byte> Http2Connection::room(std::span<std::byte> space) {
  const std::span<std::byte> own =
      state_ == State::kOpen ? session_.room() : std::span<std::byte>();
  into_ = own.size() >= kLeastRoom ? own : space;
  return into_;
}

void Http2Connection::received(ByteStream::Received outcome, std::size_t bytes) {
  if (state_ == State::kClosed) return;
  if (outcome != ByteStream::Received::kBytes) return close(Http2Closing::kByClient);
  if (state_ == State::kOpen && !session_.receive(into_.first(bytes))) {
    return close(Http2Closing::kByServer);
  }
  stream_->receive(thread_.scratch());
}

void Http2Connection::has_output() noexcept {
  if (state_ == State::kOpen && !std::exchange(is_marked_, true)) thread_.mark(*this);
}

TimePoint Http2Connection::now() {
  return thread_.loop().now();
}

void Http2Connection::flush() noexcept {
  const Held held(*this);
  is_marked_ = false;
  if (state_ != State::kOpen || is_sending_) return;
  guard([this] { send_ready(); });
}

void Http2Connection::send_ready() {
  std::vector<std::byte>& out = thread_.frames();
  for (int sends = 0; sends < kMaxSendsAtOnce; ++sends) {
    out.clear();
    if (!session_.fill(out, kEnoughBytes)) return close(Http2Closing::kByServer);
    if (!out.empty() && !send(out)) return;
    if (out.size() < kEnoughBytes) {
      if (!session_.has_streams()) idle_since_ = now();
      if (session_.is_over()) linger();
      return;
    }
  }
  // As a send that goes on, so that the others have their turn first.
  has_output();
}

bool Http2Connection::send(ConstBytes bytes) {
  bool failed = false;
  const std::size_t went = stream_->send_now({&bytes, 1}, failed);
  if (failed) {
    close(Http2Closing::kByClient);
    return false;
  }
  const ConstBytes rest = bytes.subspan(went);
  if (rest.empty()) return true;
  unsent_.assign(rest.begin(), rest.end());
  waiting_ = unsent_;
  set_sending(true);
  sending_since_ = now();
  send_limit_ = send_limit(thread_.services().limits, unsent_.size());
  stream_->send({&waiting_, 1});
  return false;
}

void Http2Connection::sent(bool ok, std::size_t bytes) {
  if (state_ == State::kClosed) return;
  if (!ok) return close(Http2Closing::kByClient);
  waiting_ = waiting_.subspan(bytes);
  if (!waiting_.empty()) return stream_->send({&waiting_, 1});
  set_sending(false);
  unsent_ = {};  // it was the exception
  has_output();
}

void Http2Connection::set_sending(bool sends) noexcept {
  if (std::exchange(is_sending_, sends) != sends) thread_.count_sending(sends);
}

void Http2Connection::check_time(TimePoint now) noexcept {
  const Held held(*this);
  const FrontendLimits& limits = thread_.services().limits;
  guard([&] {
    if (state_ == State::kLingering) {
      if (now - lingering_since_ >= kLingering) close(Http2Closing::kByServer);
    } else if (is_sending_ && now - sending_since_ >= send_limit_) {
      close(Http2Closing::kSendTimedOut);
    } else if (state_ != State::kClosed) {
      if (!session_.check_time(now)) return close(Http2Closing::kByServer);
      const bool is_idle = state_ == State::kOpen && !session_.has_streams();
      if (is_idle && limits.grpc_idle_timeout.count() > 0 &&
          now - idle_since_ >= limits.grpc_idle_timeout) {
        session_.leave();
      }
    }
  });
}

void Http2Connection::stop() noexcept {
  const Held held(*this);
  guard([this] { session_.stop(); });
}

void Http2Connection::linger() {
  state_ = State::kLingering;
  lingering_since_ = now();
  session_.close(Http2Closing::kByServer);
  stream_->end_sending();
}

void Http2Connection::close(Http2Closing closing) noexcept {
  if (state_ == State::kClosed) return;
  const Held held(*this);
  state_ = State::kClosed;
  set_sending(false);
  session_.close(closing);
  stream_->close();
  listener_.open.fetch_sub(1, std::memory_order_relaxed);
  thread_.services().metrics.grpc.connections_closed.add();
}

}  // namespace muster
