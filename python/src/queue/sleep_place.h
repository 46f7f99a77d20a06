// SPDX-License-Identifier: Apache-2.0
// SleepPlace: where one thread sleeps until another wakes it, which is about to sleep itself.
//
// It is a pipe. Who writes to a pipe tells the kernel that it will soon sleep, so that the woken
// thread is put where it runs next: on the same processor, and not behind a worker on another one.
// A futex cannot tell that. Beyond kMostPipes, or where the process has no descriptors left, it is
// a futex all the same.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace muster::python {

class SleepPlace {
 public:
  static constexpr std::size_t kMostPipes = 256;  // of this process, two descriptors each

  SleepPlace(const SleepPlace&) = delete;
  SleepPlace& operator=(const SleepPlace&) = delete;

  // Places are never destroyed: who wakes may touch one after its thread has ended. The places of
  // threads that have ended are for the next ones.
  static SleepPlace& of_this_thread();

  // True when it was woken; false after so long. One wake is for one sleep.
  bool sleep(std::optional<std::chrono::milliseconds> limit) noexcept;
  void wake() noexcept;

 private:
  friend class SleepPlaces;

  SleepPlace() noexcept;
  bool sleep_by_pipe(std::optional<std::chrono::milliseconds> limit) const noexcept;
  bool sleep_by_futex(std::optional<std::chrono::milliseconds> limit) noexcept;

  int reader_ = -1;  // -1: a futex
  int writer_ = -1;
  std::atomic<std::uint32_t> woken_{0};
};

}  // namespace muster::python
