// SPDX-License-Identifier: Apache-2.0
#include "python/src/queue/callbacks.h"

#include <utility>

namespace muster::python {
namespace {

// How often the thread looks whether all is over, beside what it is woken for.
constexpr std::chrono::milliseconds kLook{10'000};

}  // namespace

struct Callbacks::Waiter : BellListener {
  using BellListener::BellListener;

  std::shared_ptr<Call> call;
  nb::object future;
  nb::object function;
  Waiter* next = nullptr;
  Waiter* previous = nullptr;
};

Callbacks::Callbacks() : bell_(Bell::make()) {
  if (!bell_) raise_named("ResourceExhausted", "the system has no file descriptor left");
}

Callbacks::~Callbacks() {
  // In a child the parent's calls will never be done, and their locks may be held.
  if (!was_forked()) forget_all();
}

void Callbacks::add(std::shared_ptr<Call> call, nb::object future, nb::object function) {
  if (closed_) return;
  auto* const waiter = new Waiter(*bell_);
  waiter->call = std::move(call);
  waiter->future = std::move(future);
  waiter->function = std::move(function);
  waiter->next = first_;
  if (first_ != nullptr) first_->previous = waiter;
  first_ = waiter;
  waiter->call->ring(*waiter);
}

bool Callbacks::wait() {
  if (was_forked()) return false;
  const Outside outside;
  bell_->wait_for(kLook);
  return !closed_;
}

void Callbacks::answer() {
  BellListener* listener = bell_->answer();
  while (listener != nullptr) {
    const std::unique_ptr<Waiter> waiter(static_cast<Waiter*>(listener));
    listener = Bell::next_of(*listener);
    (waiter->previous != nullptr ? waiter->previous->next : first_) = waiter->next;
    if (waiter->next != nullptr) waiter->next->previous = waiter->previous;
    const nb::object returned =
        nb::steal(PyObject_CallOneArg(waiter->function.ptr(), waiter->future.ptr()));
    if (!returned.is_valid()) PyErr_WriteUnraisable(waiter->function.ptr());
  }
}

void Callbacks::forget_all() {
  while (first_ != nullptr) {
    const std::unique_ptr<Waiter> waiter(first_);
    waiter->call->forget(*waiter);
    first_ = waiter->next;
    if (first_ != nullptr) first_->previous = nullptr;
  }
}

void Callbacks::close_at_exit() {
  closed_ = true;
  bell_->wake_up();
  forget_all();
}

void bind_callbacks(nb::module_& module) {
  nb::class_<Callbacks>(module, "Callbacks",
                        "What is called when requests are done (muster._callbacks).")
      .def(nb::init<>())
      .def("wait", &Callbacks::wait, "Blocks until something is done; False when all is over.")
      .def("answer", &Callbacks::answer, "Calls what waits for it.")
      .def("close", &Callbacks::close_at_exit, "Forgets what waits; wait() returns False.");
}

}  // namespace muster::python
