// SPDX-License-Identifier: Apache-2.0
#include "frontend/http/transport_thread.h"

#include <exception>
#include <utility>

#include "base/log.h"

namespace muster {
namespace {

constexpr std::size_t kMaxSpareCalls = 256;
constexpr std::size_t kScratchBytes = std::size_t{16} << 10;

}  // namespace

TransportThread::TransportThread(const FrontServices& services)
    : loop_(services.clock, "muster-http", services.limits.refusal_pause,
            services.metrics.http.refusal_pauses),
      context_{services, loop_.mailbox(), loop_.burst()},
      reader_limits_{services.limits.max_header_bytes, services.limits.max_body_bytes,
                     services.limits.max_decompressed_bytes},
      scratch_(kScratchBytes) {
  loop_.start(*this);
}

// First the connections, which look at their calls, then the mailbox, which deletes those that
// come.
TransportThread::~TransportThread() {
  end();
  close_connections();
  loop_.close_mailbox();
  for (Call* call : prepared_)
    release(*call);
  for (Connection* connection = connections_; connection != nullptr;) {
    Connection* const next = connection->next;
    connection->abandon_calls();
    connection = next;
  }
  loop_.run_tasks();
  for (Connection* left = connections_; left != nullptr; left = left->next)
    left->leave_thread();
}

void TransportThread::when_quiet(std::function<void()> quiet) {
  loop_.post([this, quiet = std::move(quiet)]() mutable {
    waiting_for_quiet_.push_back(std::move(quiet));
  });
}

void TransportThread::admit(ListenerFacts& listener, Descriptor accepted) {
  const ConnectionRef connection(new Connection(*this, listener, std::move(accepted)));
  connection->begin();
}

void TransportThread::prepare(Call& call) {
  prepared_.push_back(&call);
  if (prepared_.size() == 1) loop_.depart_with_round(*this);
}

void TransportThread::depart() {
  handing_in_.clear();
  std::swap(handing_in_, prepared_);
  for (Call* call : handing_in_)
    hand_in(*call);
}

void TransportThread::end_round() {
  if (open_calls_ > 0 || waiting_for_quiet_.empty()) return;
  for (const auto& quiet : std::exchange(waiting_for_quiet_, {}))
    quiet();
}

void TransportThread::hand_in(Call& call) {
  try {
    if (call.connection->still_wants(call)) submit_call(context_, call);
  } catch (const std::exception& failure) {
    log(LogLevel::kError, std::string_view(failure.what()));
    if (call.stage == Call::Stage::kPrepared) call.connection->lost(call);
  }
}

Call& TransportThread::take_call() {
  if (spare_calls_.empty()) {
    spare_calls_.reserve(kMaxSpareCalls);
    spare_calls_.push_back(std::make_unique<Call>());
  }
  Call& call = *spare_calls_.back().release();
  spare_calls_.pop_back();
  ++open_calls_;
  metrics().requests.add();
  return call;
}

void TransportThread::release(Call& call) noexcept {
  std::unique_ptr<Call> owned(&call);
  --open_calls_;
  metrics().requests_answered.add();
  if (spare_calls_.size() >= kMaxSpareCalls) return;
  owned->clear();
  spare_calls_.push_back(std::move(owned));
}

void TransportThread::link(Connection& connection) {
  connection.next = connections_;
  if (connections_ != nullptr) connections_->previous = &connection;
  connections_ = &connection;
  ++connection_count_;
  loop_.wake_ticks();
}

void TransportThread::unlink(Connection& connection) noexcept {
  if (connection.previous != nullptr) connection.previous->next = connection.next;
  if (connection.next != nullptr) connection.next->previous = connection.previous;
  if (connections_ == &connection) connections_ = connection.next;
  --connection_count_;
}

void TransportThread::tick(TimePoint now) {
  for (Connection* connection = connections_; connection != nullptr;) {
    const ConnectionRef alive(connection);
    connection->check_time(now);
    connection = connection->next;
  }
}

void TransportThread::finish_soon() {
  finishing_ = true;
  for (Connection* connection = connections_; connection != nullptr;) {
    const ConnectionRef alive(connection);
    connection->finish_soon();
    connection = connection->next;
  }
}

void TransportThread::close_connections() noexcept {
  for (Connection* connection = connections_; connection != nullptr;) {
    const ConnectionRef alive(connection);
    connection->close();
    connection = connection->next;
  }
}

}  // namespace muster
