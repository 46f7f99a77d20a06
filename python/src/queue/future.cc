// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include <nanobind/stl/optional.h>
#include <nanobind/stl/unique_ptr.h>

#include "python/src/queue/batcher.h"
#include "python/src/queue/callbacks.h"
#include "python/src/queue/outcome.h"
#include "python/src/queue/waiting.h"

namespace muster::python {
namespace {

constexpr std::chrono::duration<double> kLongestSlice{24 * 3600.0};

[[noreturn]] void raise_forked() {
  raise_named(
      "FailedPrecondition",
      "it was submitted before this process was forked from its parent, and is answered there");
}

}  // namespace

void Future::wait(std::optional<double> timeout) {
  const auto begun = std::chrono::steady_clock::now();
  while (!done()) {
    if (queue_->generation != fork_count()) raise_forked();
    std::optional<std::chrono::milliseconds> slice;
    if (hears_signals()) slice = kSignalInterval;
    if (timeout) {
      const std::chrono::duration<double> left =
          std::chrono::duration<double>(*timeout) - (std::chrono::steady_clock::now() - begun);
      if (!(left.count() > 0)) {
        raise_named("DeadlineExceeded",
                    "the outcome is not there after " + std::to_string(*timeout) + " s");
      }
      // Whatever a day is exceeded by is waited for in another slice.
      const std::chrono::duration<double> most = std::min(left, kLongestSlice);
      const auto whole = std::chrono::ceil<std::chrono::milliseconds>(most);
      if (!slice || whole < *slice) slice = whole;
    }
    {
      const Outside outside;
      call_->wait_for(slice);
    }
    raise_if_interrupted();
  }
}

nb::object Future::result(std::optional<double> timeout) {
  wait(timeout);
  return value_of(call_->outcome(), call_->is_a_row());
}

nb::object Future::exception(std::optional<double> timeout) {
  wait(timeout);
  if (call_->outcome().ok()) return nb::none();
  try {
    raise(call_->outcome().status());
  } catch (nb::python_error& error) {
    return nb::borrow(error.value());
  }
}

bool Future::cancel() {
  if (done()) return cancelled();
  if (queue_->generation != fork_count()) return false;
  const Outside outside;
  return queue_->served->cancel(call_->ticket());
}

bool Future::cancelled() const {
  return done() && call_->outcome().status().code() == StatusCode::kCancelled;
}

nb::object Future::await() const {
  if (queue_->generation != fork_count()) raise_forked();
  return await_call(call_);
}

void Future::add_done_callback(nb::object self, nb::object function) {
  if (PyCallable_Check(function.ptr()) == 0) {
    raise_named("WrongType",
                "expected a function, given " + std::string(nb::repr(function.type()).c_str()));
  }
  const auto& future = nb::cast<const Future&>(self);
  if (future.done()) {
    function(self);
    return;
  }
  if (future.queue_->generation != fork_count()) raise_forked();
  nb::object all = from_package("_callbacks", "callbacks")();
  nb::cast<Callbacks&>(all).add(future.call_, std::move(self), std::move(function));
}

void bind_future(nb::module_& module) {
  using namespace nb::literals;
  nb::class_<Future>(module, "Future",
                     R"(The outcome of one request of a ``muster.Batcher``, when it is there.

``await future`` in any event loop, or ``future.result()`` in any thread.)")
      .def("result", &Future::result, "timeout"_a = nb::none(),
           nb::sig("def result(self, timeout: float | None = None) -> dict[str, "
                   "numpy.typing.NDArray[typing.Any]]"),
           R"(The outputs by name. Waits for them, at most ``timeout`` seconds.

Raises the request's failure, or DeadlineExceeded when the time is over; the request then goes on.)")
      .def("exception", &Future::exception, "timeout"_a = nb::none(),
           nb::sig(
               "def exception(self, timeout: float | None = None) -> muster.errors.Error | None"),
           "The request's failure, or None. Waits as ``result`` does.")
      .def("done", &Future::done, "Whether the outcome is there.")
      .def("cancel", &Future::cancel,
           "Cancels the request if it still waits for its batch; whether it was cancelled.")
      .def("cancelled", &Future::cancelled, "Whether it was cancelled.")
      .def(
          "add_done_callback",
          [](nb::object self, nb::object function) {
            Future::add_done_callback(std::move(self), std::move(function));
          },
          "function"_a.none(),
          nb::sig(
              "def add_done_callback(self, function: collections.abc.Callable[[Future], object]) "
              "-> None"),
          R"(Has ``function(future)`` called when the outcome is there: at once by the calling thread, if it is; else by
the one thread that this package has for it, so that it must be short. What it raises goes to ``sys.unraisablehook``.
Nothing is called any more when the interpreter ends.)")
      .def("__await__", &Future::await,
           nb::sig("def __await__(self) -> collections.abc.Generator[typing.Any, None, dict[str, "
                   "numpy.typing.NDArray[typing.Any]]]"));
}

}  // namespace muster::python
