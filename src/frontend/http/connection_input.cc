// SPDX-License-Identifier: Apache-2.0
// How a connection reads requests.
#include <string>
#include <utility>

#include "base/text.h"
#include "frontend/http/connection.h"
#include "frontend/http/endpoints/endpoint.h"
#include "frontend/http/reply.h"
#include "frontend/http/transport_thread.h"

namespace muster {
namespace {

// A client that is answered before its body has come may still send that, or get no answer at all:
// up to this size it is read, above it the connection is closed.
constexpr std::size_t kMaxDroppedBody = std::size_t{64} << 10;

}  // namespace

bool Connection::read_step() {
  if (receiving_ || input_ == Input::kClosed || input_ == Input::kEnded) return false;
  if (input_ == Input::kIgnored) {
    begin_receiving(thread_.scratch());
    return false;
  }
  if (input_ != Input::kRequests) return false;
  if (is_full()) {
    paused_ = true;
    return false;
  }
  // The time in which nothing was read is not the client's.
  if (std::exchange(paused_, false)) since_ = thread_.now();
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

// What is no inference and no picture is small, or somebody's mistake or worse.
std::size_t Connection::body_limit_of(Endpoint endpoint) const noexcept {
  if (endpoint == Endpoint::kInfer || endpoint == Endpoint::kClassify) {
    return RequestReader::kNoLimit;
  }
  return thread_.services().limits.max_control_bytes;
}

bool Connection::is_full() const noexcept {
  return calls_ > 0 && calls_ >= thread_.services().limits.max_pipelined_requests &&
         last_->stage != Call::Stage::kReading;
}

void Connection::begin_receiving(std::span<std::byte> space) {
  receiving_ = true;
  stream_->receive(space);
}

void Connection::received(Received outcome, std::size_t bytes) {
  receiving_ = false;
  if (input_ == Input::kClosed) return;
  guard([&] {
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
  call.decoder = &decoder_;
  call.is_loopback = listener_.is_loopback;
  (last_ == nullptr ? first_ : last_->following) = &call;
  last_ = &call;
  ++calls_;
  return call;
}

Status Connection::find_route_of(Call& call) {
  if (route_is_known_ && reader_.head_is_repeated()) {
    call.route = route_;
    return {};
  }
  MUSTER_RETURN_IF_ERROR(find_route(call.head.target, call.head.method, call.route));
  route_ = call.route;
  return {};
}

Refusal Connection::check_head(Call& call) {
  const RequestHead& head = call.head;
  const Status found = find_route_of(call);
  route_is_known_ = found.ok();
  if (!found.ok()) return refusal_of(found);
  if (!is_served(call.route.endpoint, static_cast<HttpListener::Kind>(listener_.kind))) {
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
    reader_.keep_body(std::move(call.body), body_limit_of(call.route.endpoint));
  }
  continue_due_ = head.expects_continue && head.has_body() && reader_.awaits_body();
}

void Connection::take_request() {
  Call& call = *last_;
  call.body = reader_.take_body();
  call.body_bytes = reader_.body_bytes();
  call.received = since_ = thread_.now();
  call.came_after = thread_.came_after();
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

}  // namespace muster
