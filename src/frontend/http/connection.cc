// SPDX-License-Identifier: Apache-2.0
#include "frontend/http/connection.h"

#include <array>
#include <exception>
#include <utility>

#include "base/log.h"
#include "base/text.h"
#include "frontend/http/endpoints/endpoint.h"
#include "frontend/http/reply.h"
#include "frontend/http/transport_thread.h"
#include "protocol/status_codes.h"

namespace muster {
namespace {

// A client that is answered before its body has come may still send that, or get no answer at all:
// up to this size it is read, above it the connection is closed.
constexpr std::size_t kMaxDroppedBody = std::size_t{64} << 10;
constexpr std::chrono::seconds kLingering{2};

// The boundary that no exception passes: one request or connection is lost, nothing else.
template <typename Step>
void guard(Connection& connection, Step step) noexcept {
  try {
    step();
  } catch (const std::exception& failure) {
    log(LogLevel::kError, std::string_view(failure.what()));
    connection.close();
  }
}

}  // namespace

Connection::Connection(TransportThread& thread, ListenerFacts& listener)
    : thread_(thread), listener_(listener), reader_(thread.reader_limits()) {
  listener_.open.fetch_add(1, std::memory_order_relaxed);
  thread_.link(*this);
}

// Calls in flight hold the connection, so that none of them is left.
Connection::~Connection() {
  if (linked_) thread_.unlink(*this);
}

void Connection::begin() {
  finishing_ = thread_.is_finishing();
  since_ = thread_.now();
  guard(*this, [&] { open(); });
}

void Connection::opened(bool ok) {
  if (input_ != Input::kOpening) return;
  if (!ok) return close();
  input_ = Input::kRequests;
  since_ = thread_.now();
  guard(*this, [&] { advance(); });
}

void Connection::finish_soon() {
  finishing_ = true;
  if (input_ == Input::kOpening) return close();
  if (input_ == Input::kRequests && is_idle() && !has_bytes()) close();
}

void Connection::close() noexcept {
  if (input_ == Input::kClosed) return;
  const ConnectionRef alive(this);
  input_ = Input::kClosed;
  close_stream();
  drop_calls();
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

void Connection::come_home(Call& call) noexcept {
  call.stage = Call::Stage::kAnswered;
  --in_flight_;
  intrusive_ptr_release(this);
}

void Connection::abandon_calls() noexcept {
  for (; in_flight_ > 0; --in_flight_)
    intrusive_ptr_release(this);
}

bool Connection::still_wants(Call& call) {
  if (input_ != Input::kClosed && input_ != Input::kEnded) return true;
  call.answer.emplace<Status>(StatusCode::kCancelled, "the client has gone");
  answered(call);
  return false;
}

void Connection::lost(Call& call) noexcept {
  const ConnectionRef alive(this);
  come_home(call);
  if (input_ == Input::kClosed) return thread_.release(call);
  close();
}

void Connection::answered(Call& call) {
  const ConnectionRef alive(this);
  come_home(call);
  if (input_ == Input::kClosed) return thread_.release(call);
  guard(*this, [&] {
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
  guard(*this, [&] {
    if (sending_) {
      if (is_over(send_progress_, limits.send_timeout)) close();
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

bool Connection::read_step() {
  if (receiving_ || input_ == Input::kClosed || input_ == Input::kEnded) return false;
  if (input_ == Input::kIgnored) {
    begin_receiving(thread_.scratch());
    return false;
  }
  if (input_ != Input::kRequests) return false;
  if (calls_ >= thread_.services().limits.max_pipelined_requests &&
      last_->stage != Call::Stage::kReading) {
    return false;
  }
  switch (reader_.step()) {
    case RequestReader::Step::kNeedBytes:
      begin_receiving(reader_.space());
      return continue_due_;
    case RequestReader::Step::kHead:
      take_head();
      break;
    case RequestReader::Step::kRequest:
      take_request();
      break;
    case RequestReader::Step::kRefused:
      refuse_reading(reader_.refusal());
      break;
  }
  return true;
}

void Connection::begin_receiving(std::span<std::byte> space) {
  receiving_ = true;
  receive(space);
}

void Connection::received(Received outcome, std::size_t bytes) {
  receiving_ = false;
  if (input_ == Input::kClosed) return;
  guard(*this, [&] {
    if (outcome == Received::kFailure) {
      client_left();
      return close();
    }
    if (outcome == Received::kEnd) {
      client_left();
    } else if (input_ == Input::kRequests) {
      if (!reader_.is_inside()) since_ = thread_.now();
      reader_.commit(bytes);
    }
    advance();
  });
}

// The client sends nothing more. Most have gone; one that only closed its half still gets what is
// answered, but nothing that has not started yet is run for it.
void Connection::client_left() {
  if (input_ == Input::kEnded) return;
  input_ = Input::kEnded;
  for (Call* call = first_; call != nullptr; call = call->following) {
    if (call->stage != Call::Stage::kInFlight && call->stage != Call::Stage::kPrepared) continue;
    thread_.metrics().disconnects.add();
    thread_.services().inference.cancel(call->ticket);
  }
  const bool has_part = last_ != nullptr && last_->stage == Call::Stage::kReading;
  if (lingering_ || first_ == nullptr || has_part) close();
}

Call& Connection::append_call() {
  Call& call = thread_.take_call();
  call.connection = this;
  (last_ == nullptr ? first_ : last_->following) = &call;
  last_ = &call;
  ++calls_;
  return call;
}

Refusal Connection::check_head(Call& call) const {
  const RequestHead& head = call.head;
  const Status found = find_route(head.target, head.method, call.route);
  if (!found.ok()) return refusal_of(found);
  if (!is_served(call.route.endpoint, listener_.kind)) {
    return {404, "there is nothing at " + printable(head.target)};
  }
  const Caller caller{head.bearer_token, listener_.is_loopback};
  const Status granted = thread_.services().access.check(call.route.right, caller);
  if (!granted.ok()) return refusal_of(granted);
  if (!call.route.allows(head.method)) {
    return {405, "this path takes " + std::string(call.route.allowed()) + " only"};
  }
  return {};
}

void Connection::take_head() {
  Call& call = append_call();
  std::swap(call.head, reader_.head());
  const RequestHead& head = call.head;
  head_refusal_ = check_head(call);
  const bool refused = head_refusal_.status != 0;
  if (refused && (head.chunked || head.expects_continue || head.content_length > kMaxDroppedBody)) {
    return refuse_reading(head_refusal_);
  }
  if (refused || head.method != Method::kPost) {
    reader_.drop_body();
  } else {
    reader_.keep_body();
  }
  continue_due_ = head.expects_continue && head.has_body() && reader_.awaits_body();
}

void Connection::take_request() {
  Call& call = *last_;
  call.body = reader_.take_body();
  call.body_bytes = reader_.body_bytes();
  call.received = since_ = thread_.now();
  thread_.metrics().received_bytes.add(call.body_bytes);
  continue_due_ = false;
  if (!call.head.keep_alive) input_ = Input::kIgnored;
  if (head_refusal_.status != 0) {
    reply_refusal(call, head_refusal_);
  } else if (!begin_call(thread_.context(), call)) {
    return hand_in(call);
  }
  seal(call);
}

// Answers the request that is being read, or could not be, and reads no other.
void Connection::refuse_reading(const Refusal& refusal) {
  const bool has_call = last_ != nullptr && last_->stage == Call::Stage::kReading;
  Call& call = has_call ? *last_ : append_call();
  call.received = thread_.now();
  continue_due_ = false;
  input_ = Input::kIgnored;
  reply_refusal(call, refusal);
  call.reply.close = true;
  seal(call);
}

void Connection::seal(Call& call) {
  Reply& reply = call.reply;
  const bool is_last = &call == last_ && !reader_.is_inside();
  if (!call.head.keep_alive || (finishing_ && is_last)) reply.close = true;
  if (reply.close && input_ == Input::kRequests) input_ = Input::kIgnored;
  seal_reply(call);
  call.stage = Call::Stage::kReplied;
  account(call);
}

void Connection::account(const Call& call) {
  TransportMetrics& metrics = thread_.metrics();
  if (call.reply.status >= 500) {
    metrics.server_errors.add();
  } else if (call.reply.status >= 400) {
    metrics.client_errors.add();
  }
  metrics.sent_bytes.add(reply_bytes(call));
  if (thread_.services().access_log.enabled()) log_access(call);
}

void Connection::log_access(const Call& call) {
  const std::string peer_text = peer();
  AccessEntry entry;
  entry.transport = "http";
  entry.peer = peer_text;
  entry.method = method_name(call.head.method);
  entry.target = call.head.target;
  entry.request_id = call.wishes.id.empty() ? call.head.request_id : call.wishes.id;
  entry.model = call.route.model;
  entry.version = call.reply.version;
  entry.status = call.reply.status;
  entry.request_bytes = call.body_bytes;
  entry.reply_bytes = reply_bytes(call);
  entry.duration = thread_.services().clock.now() - call.received;
  entry.batch = call.reply.batch ? &*call.reply.batch : nullptr;
  entry.error = call.reply.error;
  thread_.services().access_log.write(entry);
}

void Connection::write_ready() {
  while (!sending_ && first_ != nullptr) {
    const bool is_reading = first_->stage == Call::Stage::kReading;
    if (is_reading && continue_due_ && receiving_) {
      continue_due_ = false;
      interim_ = true;
      outgoing_.assign(1, boost::asio::buffer(kContinueLine));
    } else if (first_->stage == Call::Stage::kReplied) {
      interim_ = false;
      outgoing_.assign(first_->reply.buffers.begin(), first_->reply.buffers.end());
    } else {
      return;
    }
    outgoing_begin_ = 0;
    if (!send_outgoing()) return;
    finish_outgoing();
  }
}

// True where all of it has gone; false where the rest goes later, or never.
bool Connection::send_outgoing() {
  std::span<const boost::asio::const_buffer> rest(outgoing_);
  if (!sending_) {
    bool failed = false;
    consume_outgoing(send_now(rest, failed));
    if (failed) {
      client_left();
      close();
      return false;
    }
    send_progress_ = thread_.now();
  }
  rest = rest.subspan(outgoing_begin_);
  if (rest.empty()) return true;
  sending_ = true;
  send(rest);
  return false;
}

void Connection::consume_outgoing(std::size_t bytes) noexcept {
  while (outgoing_begin_ < outgoing_.size()) {
    boost::asio::const_buffer& buffer = outgoing_[outgoing_begin_];
    if (bytes < buffer.size()) {
      buffer += bytes;
      return;
    }
    bytes -= buffer.size();
    ++outgoing_begin_;
  }
}

void Connection::sent(bool ok, std::size_t bytes) {
  if (input_ == Input::kClosed) return;
  guard(*this, [&] {
    if (!ok) {
      client_left();
      return close();
    }
    send_progress_ = thread_.now();
    consume_outgoing(bytes);
    if (!send_outgoing()) return;
    sending_ = false;
    finish_outgoing();
    advance();
  });
}

void Connection::finish_outgoing() {
  if (interim_) return;
  Call& call = *first_;
  const bool closes = call.reply.close;
  first_ = call.following;
  if (first_ == nullptr) last_ = nullptr;
  --calls_;
  thread_.release(call);
  since_ = is_idle() ? thread_.now() : since_;
  if (closes || (finishing_ && is_idle())) {
    linger();
  } else if (input_ == Input::kEnded && first_ == nullptr) {
    close();
  }
}

// Closing at once could take the reply away from a client that is still sending.
void Connection::linger() {
  if (input_ == Input::kEnded) return close();
  input_ = Input::kIgnored;
  lingering_ = true;
  since_ = thread_.now();
  end_sending();
}

}  // namespace muster
