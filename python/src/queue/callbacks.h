// SPDX-License-Identifier: Apache-2.0
// Callbacks: functions of Python's that are called when requests are done, by the one thread that
// muster._callbacks starts for them, a thread of Python's.
#pragma once

#include <atomic>
#include <memory>

#include "python/src/exit.h"
#include "python/src/python.h"
#include "python/src/queue/bell.h"
#include "python/src/queue/call.h"

namespace muster::python {

class Callbacks final : public Closeable {
 public:
  Callbacks();
  ~Callbacks() override;

  // Calls `function(future)` when the call is done.
  void add(std::shared_ptr<Call> call, nb::object future, nb::object function);
  // Blocks until some are done. False: it is over, at the interpreter's end.
  [[nodiscard]] bool wait();
  // Calls those whose calls are done; what they raise is told as of destructors.
  void answer();
  void close_at_exit() override;

 private:
  struct Waiter;

  void forget_all();

  const std::shared_ptr<Bell> bell_;
  std::atomic<bool> closed_{false};
  Waiter* first_ = nullptr;  // owned
};

void bind_callbacks(nb::module_& module);

}  // namespace muster::python
