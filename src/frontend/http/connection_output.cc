// SPDX-License-Identifier: Apache-2.0
// How a connection writes replies.
#include <string>

#include "frontend/http/connection.h"
#include "frontend/http/reply.h"
#include "frontend/http/transport_thread.h"

namespace muster {

void Connection::seal(Call& call) {
  HttpReply& reply = call.reply;
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
  AccessEntry entry;
  entry.transport = "http";
  entry.peer = peer_;
  entry.method = call.head.method == Method::kOther ? std::string_view(call.head.other_method)
                                                    : method_name(call.head.method);
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

// Every request has its line, also one that will be answered to nobody: those with a reply have it
// already. Calls in flight have it here as well, as some never come home; their replies are ours.
void Connection::log_lost() noexcept try {
  for (Call* call = first_; call != nullptr; call = call->following) {
    if (call->stage == Call::Stage::kReplied) continue;
    if (call->stage == Call::Stage::kReading) call->received = thread_.now();
    if (thread_.is_ending()) {
      reply_refusal(*call, {503, "the server has stopped"});
    } else if (call->stage == Call::Stage::kAnswered) {
      reply_refusal(*call, {500, "the reply could not be made"});
    } else {
      reply_refusal(*call, {499, "the client has gone"});
    }
    log_access(*call);
  }
} catch (const std::exception& failure) {
  log(LogLevel::kError, std::string_view(failure.what()));
}

void Connection::write_ready() {
  while (!sending_ && first_ != nullptr) {
    const bool is_reading = first_->stage == Call::Stage::kReading;
    if (is_reading && continue_due_ && receiving_) {
      continue_due_ = false;
      interim_ = true;
      outgoing_.assign(1, std::as_bytes(std::span(kContinueLine)));
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
  Buffers rest(outgoing_);
  if (!sending_) {
    bool failed = false;
    consume_outgoing(stream_->send_now(rest, failed));
    if (failed) {
      client_left();
      close();
      return false;
    }
    sending_since_ = thread_.now();
  }
  rest = rest.subspan(outgoing_begin_);
  if (rest.empty()) return true;
  if (!sending_) send_limit_ = send_limit(thread_.services().limits, outgoing_bytes());
  sending_ = true;
  stream_->send(rest);
  return false;
}

// What is still to go.
std::size_t Connection::outgoing_bytes() const noexcept {
  std::size_t bytes = 0;
  for (std::size_t i = outgoing_begin_; i < outgoing_.size(); ++i)
    bytes += outgoing_[i].size();
  return bytes;
}

void Connection::consume_outgoing(std::size_t bytes) noexcept {
  while (outgoing_begin_ < outgoing_.size()) {
    ConstBytes& buffer = outgoing_[outgoing_begin_];
    if (bytes < buffer.size()) {
      buffer = buffer.subspan(bytes);
      return;
    }
    bytes -= buffer.size();
    ++outgoing_begin_;
  }
}

void Connection::sent(bool ok, std::size_t bytes) {
  if (input_ == Input::kClosed) return;
  guard([&] {
    if (!ok) {
      client_left();
      return close();
    }
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
  stream_->end_sending();
}

}  // namespace muster
