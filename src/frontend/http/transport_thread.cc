// SPDX-License-Identifier: Apache-2.0
#include "frontend/http/transport_thread.h"

#include <exception>
#include <utility>

#include <pthread.h>

#include "base/log.h"

namespace muster {
namespace {

// Events handled before the round's requests are handed in: those of a burst, but no more than keep
// a waiting worker waiting for long.
constexpr std::size_t kMaxEventsARound = 128;
// The grain of all time limits of connections.
constexpr std::chrono::milliseconds kTick{100};
constexpr std::size_t kMaxSpareCalls = 256;
constexpr std::size_t kScratchBytes = std::size_t{16} << 10;

// One that throws takes none of the others with it.
void run_each(const std::vector<std::function<void()>>& tasks) noexcept {
  for (const auto& task : tasks) {
    try {
      task();
    } catch (const std::exception& failure) {
      log(LogLevel::kError, std::string_view(failure.what()));
    }
  }
}

}  // namespace

TransportThread::TransportThread(const FrontServices& services)
    : mailbox_(std::make_shared<Mailbox>()),
      context_{services, mailbox_, burst_},
      reader_limits_{services.limits.max_header_bytes, services.limits.max_body_bytes,
                     services.limits.max_decompressed_bytes},
      scratch_(kScratchBytes) {
  loop_.watch(mailbox_->bell(), EPOLLIN | EPOLLET, *this);
  loop_.watch(tick_.alarm.descriptor(), EPOLLIN | EPOLLET, tick_);
  thread_ = std::thread([this] { run(); });
}

// First the connections, which look at their calls, then the mailbox, which deletes those that
// come.
TransportThread::~TransportThread() {
  end();
  close_connections();
  mailbox_->close();
  for (Call* call : prepared_)
    release(*call);
  for (Connection* connection = connections_; connection != nullptr;) {
    Connection* const next = connection->next;
    connection->abandon_calls();
    connection = next;
  }
  run_tasks();
  for (Connection* left = connections_; left != nullptr; left = left->next)
    left->leave_thread();
}

void TransportThread::end() noexcept {
  if (!thread_.joinable()) return;
  ending_.store(true, std::memory_order_relaxed);
  mailbox_->wake();
  thread_.join();
}

void TransportThread::post(std::function<void()> task) {
  {
    const MutexLock lock(tasks_mutex_);
    tasks_.push_back(std::move(task));
    has_tasks_.store(true, std::memory_order_relaxed);
  }
  mailbox_->wake();
}

void TransportThread::post_at_tick(std::function<void()> task) {
  at_tick_.push_back(std::move(task));
  if (!ticking_) schedule_tick();
}

void TransportThread::when_quiet(std::function<void()> quiet) {
  post([this, quiet = std::move(quiet)]() mutable {
    waiting_for_quiet_.push_back(std::move(quiet));
  });
}

void TransportThread::run() noexcept {
  pthread_setname_np(pthread_self(), "muster-http");
  while (!is_ending()) {
    try {
      run_round();
    } catch (const std::exception& failure) {
      log(LogLevel::kError, std::string_view(failure.what()));
    }
  }
}

void TransportThread::run_round() {
  if (!mailbox_->run_asleep([&] { loop_.sleep(); })) loop_.look();
  take_events();
  run_tasks();
  end_round();
  now_is_known_ = false;
}

// Until nothing is left, as what came in one burst goes on in one; once all connections had their
// turn, there is nothing to look for.
void TransportThread::take_events() {
  std::size_t told = loop_.tell();
  for (std::size_t last = told; last > 0 && told < connection_count_ && told < kMaxEventsARound;) {
    loop_.look();
    last = loop_.tell();
    told += last;
  }
}

void TransportThread::run_tasks() {
  if (!has_tasks_.load(std::memory_order_relaxed)) return;
  std::vector<std::function<void()>> tasks;
  {
    const MutexLock lock(tasks_mutex_);
    tasks.swap(tasks_);
    has_tasks_.store(false, std::memory_order_relaxed);
  }
  run_each(tasks);
}

void TransportThread::end_round() {
  // A refusal comes home at once, and an answer may let the next request of its connection be read.
  do {
    deliver_answers();
    hand_in_prepared();
  } while (!mailbox_->empty() || !prepared_.empty());
  if (open_calls_ == 0 && !waiting_for_quiet_.empty()) {
    for (const auto& quiet : std::exchange(waiting_for_quiet_, {}))
      quiet();
  }
}

void TransportThread::deliver_answers() {
  for (Letter* letter = mailbox_->take_all(); letter != nullptr;) {
    auto& call = static_cast<Call&>(*letter);
    letter = letter->next;
    call.connection->answered(call);
  }
}

void TransportThread::hand_in_prepared() {
  handing_in_.clear();
  std::swap(handing_in_, prepared_);
  for (Call* call : handing_in_)
    hand_in(*call);
  burst_.end();
}

void TransportThread::hand_in(Call& call) {
  try {
    if (call.connection->still_wants(call)) submit_call(context_, call);
  } catch (const std::exception& failure) {
    log(LogLevel::kError, std::string_view(failure.what()));
    if (call.stage == Call::Stage::kPrepared) call.connection->lost(call);
  }
}

TimePoint TransportThread::now() {
  if (!now_is_known_) now_ = context_.services.clock.now();
  now_is_known_ = true;
  return now_;
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
  if (!ticking_) schedule_tick();
}

void TransportThread::unlink(Connection& connection) noexcept {
  if (connection.previous != nullptr) connection.previous->next = connection.next;
  if (connection.next != nullptr) connection.next->previous = connection.previous;
  if (connections_ == &connection) connections_ = connection.next;
  --connection_count_;
}

void TransportThread::schedule_tick() noexcept {
  ticking_ = (connections_ != nullptr || !at_tick_.empty()) && !is_ending();
  if (ticking_) tick_.alarm.set(kTick);
}

void TransportThread::Tick::ready(std::uint32_t) noexcept {
  thread.tick();
}

void TransportThread::tick() {
  for (Connection* connection = connections_; connection != nullptr;) {
    const ConnectionRef alive(connection);
    connection->check_time(now());
    connection = connection->next;
  }
  run_each(std::exchange(at_tick_, {}));
  schedule_tick();
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
