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

using SteadyTime = std::chrono::steady_clock::time_point;

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

[[noreturn]] void leave(const char* why) {
  std::fprintf(stderr, "muster: %s; leaving at once\n", why);
  ::_exit(kExitFailed);
}

}  // namespace

StopSignals::StopSignals(std::chrono::milliseconds limit)
    : limit_(limit), signals_(block_and_watch_signals()), end_(::eventfd(0, EFD_CLOEXEC)) {
  MUSTER_CHECK(signals_ >= 0 && end_ >= 0);
  std::promise<void> stop;
  stop_ = stop.get_future();
  watcher_ =
      std::thread([this, promise = std::move(stop)]() mutable { watch(std::move(promise)); });
}

StopSignals::~StopSignals() {
  const std::uint64_t one = 1;
  // An eventfd that was never written takes 8 bytes.
  MUSTER_CHECK(::write(end_, &one, sizeof(one)) == static_cast<ssize_t>(sizeof(one)));
  watcher_.join();
  ::close(end_);
  ::close(signals_);
}

void StopSignals::ask() {
  ::kill(::getpid(), SIGTERM);
}

void StopSignals::watch(std::promise<void> stop) const {
  bool stopping = false;
  SteadyTime leave_at;
  while (true) {
    int timeout = -1;
    if (stopping) {
      const auto left =
          std::chrono::ceil<std::chrono::milliseconds>(leave_at - std::chrono::steady_clock::now());
      if (left.count() <= 0) leave("stopping takes longer than it may");
      timeout =
          static_cast<int>(std::min<std::int64_t>(left.count(), std::numeric_limits<int>::max()));
    }
    pollfd watched[] = {{end_, POLLIN, 0}, {signals_, POLLIN, 0}};
    if (::poll(watched, std::size(watched), timeout) < 0 && errno != EINTR) {
      leave("signals cannot be waited for");
    }
    if ((watched[0].revents & POLLIN) != 0) break;
    if ((watched[1].revents & POLLIN) == 0 || !take_signal(signals_)) continue;
    if (stopping) leave("a second signal");
    stopping = true;
    leave_at = std::chrono::steady_clock::now() + limit_;
    stop.set_value();
  }
  if (!stopping) stop.set_value();
}

}  // namespace muster
