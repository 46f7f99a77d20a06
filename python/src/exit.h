// SPDX-License-Identifier: Apache-2.0
// The end of the interpreter, and forks: what is alive when either comes.
#pragma once

#include <cstdint>

#include <nanobind/nanobind.h>

namespace muster::python {

// Something that runs threads or is used by them. All calls hold the interpreter's lock.
class Closeable {
 public:
  Closeable();
  virtual ~Closeable();
  Closeable(const Closeable&) = delete;
  Closeable& operator=(const Closeable&) = delete;

  // Answers what waits with a refusal and stops; waits for nothing but what runs.
  virtual void close_at_exit() = 0;

  // In a child of the process that made it: its threads are not here, and nothing of it works.
  [[nodiscard]] bool was_forked() const noexcept;

 private:
  const std::uint64_t generation_;
};

// How often this process and those before it were forked.
[[nodiscard]] std::uint64_t fork_count() noexcept;
// One thread leaves the lock, or has it again.
void count_outside(int change) noexcept;
[[nodiscard]] bool is_exiting() noexcept;

// Has all of it closed before the interpreter ends, and forks counted. Once, by the module.
void watch_for_end(nanobind::module_& module);

}  // namespace muster::python
