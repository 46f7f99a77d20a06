// SPDX-License-Identifier: Apache-2.0
#include "frontend/http/connection.h"

#include <chrono>
#include <utility>

#include "frontend/http/endpoints/endpoint.h"
#include "frontend/http/transport_thread.h"

namespace muster {
namespace {

constexpr std::chrono::seconds kLingering{2};

}  // namespace

Connection::Connection(TransportThread& thread, ListenerFacts& listener, Descriptor socket)
    : thread_(thread),
      listener_(listener),
      stream_(make_stream(thread.loop().events(), *this, std::move(socket), listener.tls)),
      reader_(thread.reader_limits()) {
  listener_.open.fetch_add(1, std::memory_order_relaxed);
  thread_.link(*this);
}

// Calls in flight hold the connection, so that none of them is left.
Connection::~Connection() {
  if (input_ != Input::kClosed) count_closed();
  if (linked_) thread_.unlink(*this);
}

void Connection::begin() {
  finishing_ = thread_.is_finishing();
  since_ = thread_.now();
  guard([&] {
    if (thread_.services().access_log.enabled()) peer_ = stream_->peer();
    stream_->open();
  });
}

void Connection::opened(bool ok) {
  if (input_ != Input::kOpening) return;
  if (!ok) return close();
  input_ = Input::kRequests;
  since_ = thread_.now();
  guard([&] { advance(); });
}

void Connection::finish_soon() {
  finishing_ = true;
  if (input_ == Input::kOpening) return close();
  if (input_ == Input::kRequests && is_idle() && !stream_->has_bytes()) close();
}

void Connection::close() noexcept {
  if (input_ == Input::kClosed) return;
  const ConnectionRef alive(this);
  input_ = Input::kClosed;
  if (first_ != nullptr && thread_.services().access_log.enabled()) log_lost();
  stream_->close();
  drop_calls();
  count_closed();
}

void Connection::count_closed() noexcept {
  listener_.open.fetch_sub(1, std::memory_order_relaxed);
  thread_.metrics().connections_closed.add();
}

// Those that are handed in, or are about to be, are released when they come home.
void Connection::drop_calls() noexcept {
  for (Call* call = std::exchange(first_, nullptr); call != nullptr;) {
    Call* const following = call->following;
    if (call->stage == Call::Stage::kInFlight) {
      thread_.services().inference.cancel(call->ticket);
    } else if (call->stage != Call::Stage::kPrepared) {
      thread_.release(*call);
    }
    call = following;
  }
  last_ = nullptr;
  calls_ = 0;
}

void Connection::hand_in(Call& call) {
  thread_.prepare(call);
  call.stage = Call::Stage::kPrepared;
  intrusive_ptr_add_ref(this);
  ++in_flight_;
}

ConnectionRef Connection::come_home(Call& call) noexcept {
  call.stage = Call::Stage::kAnswered;
  --in_flight_;
  return {this, false};
}

void Connection::abandon_calls() noexcept {
  const ConnectionRef alive(this);
  holders_ -= std::exchange(in_flight_, 0);
}

bool Connection::still_wants(Call& call) {
  if (input_ != Input::kClosed && input_ != Input::kEnded) return true;
  call.answer.emplace<Status>(StatusCode::kCancelled, "the client has gone");
  answered(call);
  return false;
}

void Connection::lost(Call& call) noexcept {
  const ConnectionRef held = come_home(call);
  if (input_ == Input::kClosed) return thread_.release(call);
  close();
}

void Connection::answered(Call& call) {
  const ConnectionRef held = come_home(call);
  if (input_ == Input::kClosed) return thread_.release(call);
  guard([&] {
    finish_call(thread_.context(), call);
    seal(call);
    advance();
  });
}

void Connection::check_time(TimePoint now) {
  const FrontendLimits& limits = thread_.services().limits;
  const auto is_over = [now](TimePoint since, std::chrono::nanoseconds limit) {
    return now - since >= limit;
  };
  guard([&] {
    if (sending_) {
      if (is_over(sending_since_, send_limit_)) close();
    } else if (lingering_) {
      if (is_over(since_, kLingering)) close();
    } else if (input_ == Input::kOpening) {
      if (is_over(since_, limits.receive_timeout)) close();
    } else if (input_ == Input::kRequests && receiving_ && reader_.is_inside()) {
      if (is_over(since_, limits.receive_timeout)) {
        refuse_reading({408, "the request did not come to its end in time"});
        advance();
      }
    } else if (is_idle() && is_over(since_, limits.idle_timeout)) {
      close();
    }
  });
}

// Writes what is ready and reads what is here until one of them has to wait.
void Connection::advance() {
  if (advancing_) return;
  const ConnectionRef alive(this);
  advancing_ = true;
  do {
    write_ready();
  } while (read_step());
  advancing_ = false;
}

}  // namespace muster
