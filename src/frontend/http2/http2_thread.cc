// SPDX-License-Identifier: Apache-2.0
#include "frontend/http2/http2_thread.h"

#include <algorithm>
#include <utility>

namespace muster {
namespace {

// What one read of a connection has room for.
constexpr std::size_t kScratchBytes = std::size_t{64} << 10;

}  // namespace

Http2Thread::Http2Thread(const FrontServices& services, const char* name)
    : services_(services),
      loop_(services.clock, name, services.limits.refusal_pause,
            services.metrics.grpc.refusal_pauses),
      scratch_(kScratchBytes) {}

Http2Thread::~Http2Thread() {
  end();
  close_connections();
  loop_.close_mailbox();
  loop_.run_tasks();
}

void Http2Thread::start(Http2Service& service) {
  service_ = &service;
  loop_.start(*this);
}

void Http2Thread::close_connections() noexcept {
  each_connection([](Http2Connection& one) { one.close(Http2Closing::kServerEnds); });
}

void Http2Thread::stop_soon() {
  loop_.post([this] { each_connection([](Http2Connection& one) { one.stop(); }); });
}

void Http2Thread::when_sent(std::function<void()> sent) {
  loop_.post(
      [this, sent = std::move(sent)]() mutable { waiting_for_sent_.push_back(std::move(sent)); });
}

void Http2Thread::admit(ListenerFacts& listener, Descriptor accepted) {
  auto* const connection = new Http2Connection(*this, listener, std::move(accepted));
  connection->begin();
}

void Http2Thread::link(Http2Connection& connection) {
  connection.next = connections_;
  if (connections_ != nullptr) connections_->previous = &connection;
  connections_ = &connection;
  ++connection_count_;
  loop_.wake_ticks();
}

void Http2Thread::unlink(Http2Connection& connection) noexcept {
  if (connection.previous != nullptr) connection.previous->next = connection.next;
  if (connection.next != nullptr) connection.next->previous = connection.previous;
  if (connections_ == &connection) connections_ = connection.next;
  --connection_count_;
  Http2Connection* const none = nullptr;
  std::replace(marked_.begin(), marked_.end(), &connection, none);
  std::replace(flushing_.begin(), flushing_.end(), &connection, none);
}

// The one behind it may go meanwhile, but not this one.
template <typename Step>
void Http2Thread::each_connection(Step step) {
  for (Http2Connection* connection = connections_; connection != nullptr;) {
    connection->hold();
    step(*connection);
    Http2Connection* const next = connection->next;
    connection->let_go();
    connection = next;
  }
}

void Http2Thread::end_round() {
  flushing_.clear();
  std::swap(flushing_, marked_);
  for (std::size_t i = 0; i < flushing_.size(); ++i) {
    if (flushing_[i] != nullptr) flushing_[i]->flush();
  }
  // They have more to send than their turn was long.
  if (!marked_.empty()) loop_.stay_awake();
  if (sending_count_ > 0 || waiting_for_sent_.empty()) return;
  for (const auto& sent : std::exchange(waiting_for_sent_, {}))
    sent();
}

void Http2Thread::tick(TimePoint now) {
  each_connection([now](Http2Connection& one) { one.check_time(now); });
}

}  // namespace muster
