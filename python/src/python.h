// SPDX-License-Identifier: Apache-2.0
// What every binding shares: nanobind, and the rules of the interpreter's lock (the GIL).
//
//   Outside    no Python object is touched while it lives, and other Python threads run
//   raise      a Status becomes an exception of muster.errors
//
// Nothing here is called by a thread that Python did not start: workers complete native calls
// (queue/call.h) and never want the lock. So neither the interpreter's end nor a fork meets them.
#pragma once

#include <chrono>
#include <string>

#include <nanobind/nanobind.h>

#include <muster/status.h>

namespace muster::python {

namespace nb = nanobind;

// Releases the lock for as long as it lives. The interpreter does not end before all have taken it
// back (exit.h): a thread that wanted it later would be torn down in the middle of a destructor.
class Outside {
 public:
  Outside();
  ~Outside();
  Outside(const Outside&) = delete;
  Outside& operator=(const Outside&) = delete;

 private:
  PyThreadState* const state_;
};

// The exception for a failure, by muster.errors.error_of.
[[noreturn]] void raise(const Status& status);
// One of muster.errors by its name.
[[noreturn]] void raise_named(const char* exception, const std::string& message);

inline void raise_unless_ok(const Status& status) {
  if (!status.ok()) raise(status);
}

template <typename T>
T value_or_raise(Result<T> result) {
  if (!result.ok()) raise(result.status());
  return std::move(result).value();
}

// Ends the call with the exception of a signal handler (KeyboardInterrupt) if a signal came. Only
// the main thread hears of signals.
void raise_if_interrupted();

// The calling thread is that main thread.
[[nodiscard]] bool hears_signals();

// How often who waits looks for signals, where it hears of them.
inline constexpr std::chrono::milliseconds kSignalInterval{50};

// Attribute `name` of module `muster.<module>`, a new reference.
nb::object from_package(const char* module, const char* name);

}  // namespace muster::python
