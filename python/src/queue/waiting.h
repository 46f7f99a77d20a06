// SPDX-License-Identifier: Apache-2.0
// Waiting: what one event loop waits for; muster._loops gives each loop one, and has the loop call
// `answer` when its bell rings. Awaited: what a task waits for, which is all that it needs of a
// future of asyncio, and a tenth of the cost: when calls are done their tasks go on one after the
// other within `answer`, where each future of asyncio would have the loop make a handle first.
#pragma once

#include <memory>

#include "python/src/python.h"
#include "python/src/queue/bell.h"
#include "python/src/queue/call.h"

namespace muster::python {

struct Awaited;

class Waiting {
 public:
  Waiting();
  ~Waiting() { clear(); }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

  [[nodiscard]] int descriptor() const noexcept { return bell_->descriptor(); }
  [[nodiscard]] Bell& bell() const noexcept { return *bell_; }
  // Its task goes on when its call is done.
  void add(Awaited& awaited);
  // Lets all go on whose calls are done.
  void answer();
  int traverse(visitproc visit, void* arg) const;  // as CPython wants it
  void clear();

 private:
  [[nodiscard]] nb::object take(Awaited& awaited) noexcept;

  const std::shared_ptr<Bell> bell_;
  Awaited* first_ = nullptr;  // of those that were added; they are owned
};

// What `__await__` of a future returns: for the event loop that runs on the calling thread.
[[nodiscard]] nb::object await_call(std::shared_ptr<Call> call);

void bind_waiting(nb::module_& module);

}  // namespace muster::python
