// SPDX-License-Identifier: Apache-2.0
#include "python/src/exit.h"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <set>

#include <pthread.h>

#include "python/src/python.h"

namespace muster::python {
namespace {

struct Lives {
  std::atomic<std::uint64_t> forks{0};
  std::atomic<int> outside{0};  // threads without the interpreter's lock
  std::atomic<bool> exiting{false};
  std::mutex mutex;
  std::condition_variable changed;  // nobody is outside any more
  std::set<Closeable*> alive;       // under the interpreter's lock
};

// Never destroyed: objects may outlive the module.
Lives& lives() {
  static auto* const all = new Lives;
  return *all;
}

// While Python is still whole: threads that are outside come back to find what they used closed.
void close_all() {
  Lives& all = lives();
  all.exiting = true;
  while (!all.alive.empty()) {
    Closeable* const one = *all.alive.begin();
    all.alive.erase(one);
    if (!one->was_forked()) one->close_at_exit();
  }
  const nb::gil_scoped_release release;
  std::unique_lock lock(all.mutex);
  all.changed.wait(lock, [&all] { return all.outside == 0; });
}

}  // namespace

Closeable::Closeable() : generation_(lives().forks) {
  lives().alive.insert(this);
}

Closeable::~Closeable() {
  lives().alive.erase(this);
}

bool Closeable::was_forked() const noexcept {
  return generation_ != lives().forks;
}

std::uint64_t fork_count() noexcept {
  return lives().forks;
}

void count_outside(int change) noexcept {
  Lives& all = lives();
  if ((all.outside += change) > 0 || !all.exiting) return;
  const std::lock_guard lock(all.mutex);
  all.changed.notify_all();
}

bool is_exiting() noexcept {
  return lives().exiting;
}

void watch_for_end(nb::module_& module) {
  module.def("_close_all", &close_all);
  nb::module_::import_("atexit").attr("register")(module.attr("_close_all"));
  // Threads that were outside in the parent are not in the child.
  pthread_atfork(nullptr, nullptr, [] {
    ++lives().forks;
    lives().outside = 0;
  });
}

}  // namespace muster::python
