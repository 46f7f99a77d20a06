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

std::atomic<std::uint64_t> forks{0};
std::atomic<int> outside{0};
std::atomic<bool> exiting{false};
std::mutex mutex;
std::condition_variable changed;

// Never destroyed: objects may outlive the module.
std::set<Closeable*>& alive() {
  static auto* const all = new std::set<Closeable*>;
  return *all;
}

// While Python is still whole: threads that are outside come back to find what they used closed.
void close_all() {
  exiting = true;
  // Closing one lets other threads run, which may end others.
  while (!alive().empty()) {
    Closeable* const one = *alive().begin();
    alive().erase(one);
    if (!one->was_forked()) one->close_at_exit();
  }
  const nb::gil_scoped_release release;
  std::unique_lock lock(mutex);
  changed.wait(lock, [] { return outside == 0; });
}

}  // namespace

Closeable::Closeable() : generation_(forks) {
  alive().insert(this);
}

Closeable::~Closeable() {
  alive().erase(this);
}

bool Closeable::was_forked() const noexcept {
  return generation_ != forks;
}

std::uint64_t fork_count() noexcept {
  return forks;
}

void count_outside(int change) noexcept {
  if ((outside += change) > 0 || !exiting) return;
  const std::lock_guard lock(mutex);
  changed.notify_all();
}

bool is_exiting() noexcept {
  return exiting;
}

void watch_for_end(nb::module_& module) {
  module.def("_close_all", &close_all);
  nb::module_::import_("atexit").attr("register")(module.attr("_close_all"));
  // Threads that were outside in the parent are not in the child.
  pthread_atfork(nullptr, nullptr, [] {
    ++forks;
    outside = 0;
  });
}

}  // namespace muster::python
