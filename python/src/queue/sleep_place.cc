// SPDX-License-Identifier: Apache-2.0
#include "python/src/queue/sleep_place.h"

#include <array>
#include <cerrno>
#include <ctime>
#include <mutex>
#include <vector>

#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "python/src/exit.h"

namespace muster::python {

// The places that nobody sleeps in.
class SleepPlaces {
 public:
  // Those of this process: a child after a fork shares the pipes of its parent, and must not use
  // them. It has one thread when it first comes here.
  static SleepPlaces& all() {
    static std::atomic<SleepPlaces*> instance{new SleepPlaces};
    SleepPlaces* const here = instance;
    if (here->forks_ == fork_count()) return *here;
    auto* const own = new SleepPlaces;
    instance = own;
    return *own;
  }

  SleepPlace& take() {
    const std::lock_guard lock(mutex_);
    if (free_.empty()) {
      // Room for its return, which must not fail.
      free_.reserve(++made_);
      return *new SleepPlace;
    }
    SleepPlace& place = *free_.back();
    free_.pop_back();
    return place;
  }
  void give_back(SleepPlace& place) noexcept {
    const std::lock_guard lock(mutex_);
    free_.push_back(&place);
  }

 private:
  const std::uint64_t forks_ = fork_count();
  std::mutex mutex_;
  std::vector<SleepPlace*> free_;
  std::size_t made_ = 0;
};

namespace {

std::atomic<std::size_t> pipes{0};

struct Lease {
  Lease() : forks(fork_count()), place(&SleepPlaces::all().take()) {}
  ~Lease() {
    if (forks == fork_count()) SleepPlaces::all().give_back(*place);
  }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

  std::uint64_t forks;
  SleepPlace* place;
};

}  // namespace

SleepPlace& SleepPlace::of_this_thread() {
  thread_local Lease lease;
  if (lease.forks != fork_count()) {
    lease.forks = fork_count();
    lease.place = &SleepPlaces::all().take();
  }
  return *lease.place;
}

SleepPlace::SleepPlace() noexcept {
  if (++pipes > kMostPipes) return;
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return;
  reader_ = ends[0];
  writer_ = ends[1];
}

bool SleepPlace::sleep(std::optional<std::chrono::milliseconds> limit) noexcept {
  return reader_ >= 0 ? sleep_by_pipe(limit) : sleep_by_futex(limit);
}

void SleepPlace::wake() noexcept {
  if (writer_ >= 0) {
    const char one = 1;
    while (::write(writer_, &one, 1) < 0 && errno == EINTR) {
    }
    return;
  }
  woken_.store(1, std::memory_order_release);
  ::syscall(SYS_futex, &woken_, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

bool SleepPlace::sleep_by_pipe(std::optional<std::chrono::milliseconds> limit) const noexcept {
  if (limit) {
    pollfd readable{reader_, POLLIN, 0};
    if (::poll(&readable, 1, static_cast<int>(limit->count())) <= 0) return false;
  }
  char one = 0;
  // A signal is no reason to look at anything: Python's handlers run on the main thread alone,
  // which has a limit.
  while (::read(reader_, &one, 1) < 0 && errno == EINTR) {
  }
  return true;
}

bool SleepPlace::sleep_by_futex(std::optional<std::chrono::milliseconds> limit) noexcept {
  timespec time{};
  if (limit) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(*limit);
    time = {seconds.count(), std::chrono::nanoseconds(*limit - seconds).count()};
  }
  // Where nobody has called in time it may be woken for nothing as well: who sleeps looks again.
  if (woken_.load(std::memory_order_acquire) == 0) {
    ::syscall(SYS_futex, &woken_, FUTEX_WAIT_PRIVATE, 0, limit ? &time : nullptr, nullptr, 0);
  }
  return woken_.exchange(0, std::memory_order_acq_rel) != 0;
}

}  // namespace muster::python
