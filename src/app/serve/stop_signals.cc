// SPDX-License-Identifier: Apache-2.0
#include "app/serve/stop_signals.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <utility>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "app/verbs.h"
#include "base/check.h"

namespace muster {
namespace {

int block_and_watch_signals() {
  sigset_t set = {};
  ::sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP})
    ::sigaddset(&set, signal);
  MUSTER_CHECK(::pthread_sigmask(SIG_BLOCK, &set, nullptr) == 0);
  std::signal(SIGPIPE, SIG_IGN);
  return ::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

bool take_signal(int signals) {
  signalfd_siginfo signal = {};
  return ::read(signals, &signal, sizeof(signal)) == static_cast<ssize_t>(sizeof(signal));
}

[[noreturn]] void leave(const char* why, const char* more = "") {
  std::fprintf(stderr, "muster: %s%s; leaving at once\n", why, more);
  ::_exit(kExitFailed);
}

}  // namespace

StopSignals::StopSignals(std::chrono::milliseconds limit)
    : limit_(limit), signals_(block_and_watch_signals()), wake_(::eventfd(0, EFD_CLOEXEC)) {
  MUSTER_CHECK(signals_ >= 0 && wake_ >= 0);
  std::promise<void> stop;
  stop_ = stop.get_future();
  std::promise<void> begun;
  const std::future<void> runs = begun.get_future();
  watcher_ = std::thread([this, promise = std::move(stop), begun = std::move(begun)]() mutable {
    begun.set_value();
    watch(std::move(promise));
  });
  // A process that is forked while a thread begins has what that thread holds, and nobody to let go
  // of it (measuring/own_process.h).
  runs.wait();
}

StopSignals::~StopSignals() {
  {
    const MutexLock lock(mutex_);
    ending_ = true;
  }
  wake_watcher();
  watcher_.join();
  ::close(wake_);
  ::close(signals_);
}

void StopSignals::wake_watcher() const {
  const std::uint64_t one = 1;
  // An eventfd that is written so seldom takes 8 bytes.
  MUSTER_CHECK(::write(wake_, &one, sizeof(one)) == static_cast<ssize_t>(sizeof(one)));
}

void StopSignals::limit_from_now(const char* what, bool for_good) {
  {
    const MutexLock lock(mutex_);
    if (for_good_) return;
    what_ = what;
    for_good_ = for_good;
    leave_at_ = std::chrono::steady_clock::now() + limit_;
  }
  wake_watcher();
}

// The watcher looks again when the limit would have been over.
void StopSignals::lift_limit() {
  const MutexLock lock(mutex_);
  if (!for_good_) leave_at_ = kNever;
}

int StopSignals::time_left() {
  const MutexLock lock(mutex_);
  if (leave_at_ == kNever) return -1;
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(leave_at_ - std::chrono::steady_clock::now());
  if (left.count() <= 0) leave(what_, " takes longer than it may");
  return static_cast<int>(std::min<std::int64_t>(left.count(), std::numeric_limits<int>::max()));
}

bool StopSignals::goes_on() {
  std::uint64_t wakes = 0;
  MUSTER_CHECK(::read(wake_, &wakes, sizeof(wakes)) == static_cast<ssize_t>(sizeof(wakes)));
  const MutexLock lock(mutex_);
  return !ending_;
}

void StopSignals::ask() {
  ::kill(::getpid(), SIGTERM);
}

void StopSignals::watch(std::promise<void> stop) {
  bool stopping = false;
  while (true) {
    pollfd watched[] = {{wake_, POLLIN, 0}, {signals_, POLLIN, 0}};
    if (::poll(watched, std::size(watched), time_left()) < 0 && errno != EINTR) {
      leave("signals cannot be waited for");
    }
    if ((watched[0].revents & POLLIN) != 0 && !goes_on()) break;
    if ((watched[1].revents & POLLIN) == 0 || !take_signal(signals_)) continue;
    if (stopping) leave("a second signal");
    stopping = true;
    leave_in_time();
    stop.set_value();
  }
  if (!stopping) stop.set_value();
}

}  // namespace muster
