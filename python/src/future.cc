// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <utility>

#include <nanobind/stl/optional.h>
#include <nanobind/stl/unique_ptr.h>

#include "python/src/arrays.h"
#include "python/src/batcher.h"

namespace muster::python {
namespace {

// Names that are looked up for every call; never given back.
struct Names {
  PyObject* done = PyUnicode_InternFromString("done");
  PyObject* set_result = PyUnicode_InternFromString("set_result");
  PyObject* create_future = PyUnicode_InternFromString("create_future");
};
const Names& names() {
  static const Names all;
  return all;
}

nb::object called(nb::handle object, PyObject* method) {
  nb::object value = nb::steal(PyObject_CallMethodNoArgs(object.ptr(), method));
  if (!value.is_valid()) throw nb::python_error();
  return value;
}

nb::object called(nb::handle object) {
  nb::object value = nb::steal(PyObject_CallNoArgs(object.ptr()));
  if (!value.is_valid()) throw nb::python_error();
  return value;
}

// What an event loop waits for: its own futures by call. muster._loops gives each loop one, and
// has its loop call `answer` when the bell rings.
class Waiting {
 public:
  Waiting() : bell_(LoopBell::make()) {
    if (!bell_) raise_named("ResourceExhausted", "the system has no file descriptor left");
  }
  ~Waiting() { clear(); }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

  [[nodiscard]] int descriptor() const noexcept { return bell_->descriptor(); }

  void add(const std::shared_ptr<Call>& call, const nb::object& future) {
    futures_.emplace(call.get(), nb::borrow(future).release().ptr());
    call->ring(bell_);
  }

  // Gives every call that is done to those who wait for it.
  void answer() {
    for (const std::shared_ptr<Call>& call : bell_->answer()) {
      const auto [first, last] = futures_.equal_range(call.get());
      std::vector<nb::object> waiting;
      for (auto one = first; one != last; ++one)
        waiting.push_back(nb::steal(one->second));
      futures_.erase(first, last);
      for (const nb::object& future : waiting)
        give(*call, future);
    }
  }

  int traverse(visitproc visit, void* arg) const {  // as CPython wants it
    for (const auto& [call, future] : futures_)
      Py_VISIT(future);
    return 0;
  }

  void clear() {
    const auto futures = std::exchange(futures_, {});
    for (const auto& [call, future] : futures)
      Py_DECREF(future);
  }

 private:
  static void give(const Call& call, const nb::object& future) {
    if (called(future, names().done).is(nb::handle(Py_True))) return;
    try {
      const nb::object value = value_of(call.outcome(), call.is_a_row());
      if (!nb::steal(PyObject_CallMethodOneArg(future.ptr(), names().set_result, value.ptr())))
        throw nb::python_error();
    } catch (nb::python_error& error) {
      future.attr("set_exception")(error.value());
    }
  }

  const std::shared_ptr<LoopBell> bell_;
  std::multimap<const Call*, PyObject*> futures_;
};

// The event loop that the calling thread last awaited in, which lives as long as its Waiting.
struct LoopOfThread {
  PyObject* weak = nullptr;
  Waiting* waiting = nullptr;
};
thread_local LoopOfThread loop_of_thread;

nb::object running_loop() {
  static PyObject* const get =
      nb::object(nb::module_::import_("asyncio").attr("get_running_loop")).release().ptr();
  return called(get);
}

Waiting& waiting_of(const nb::object& loop) {
  LoopOfThread& here = loop_of_thread;
  if (here.weak != nullptr && called(here.weak).is(loop)) return *here.waiting;
  const nb::object waiting = from_package("_loops", "waiting_of")(loop);
  PyObject* const weak = PyWeakref_NewRef(loop.ptr(), nullptr);
  if (weak == nullptr) throw nb::python_error();
  Py_XDECREF(here.weak);
  here = {weak, nb::cast<Waiting*>(waiting)};
  return *here.waiting;
}

int traverse_waiting(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  if (!nb::inst_ready(self)) return 0;
  return nb::inst_ptr<Waiting>(self)->traverse(visit, arg);
}

int clear_waiting(PyObject* self) {
  nb::inst_ptr<Waiting>(self)->clear();
  return 0;
}

PyType_Slot waiting_slots[] = {{Py_tp_traverse, reinterpret_cast<void*>(traverse_waiting)},
                               {Py_tp_clear, reinterpret_cast<void*>(clear_waiting)},
                               {0, nullptr}};

}  // namespace

nb::object value_of(const Result<InferResponse>& outcome, bool is_a_row) {
  if (!outcome.ok()) raise(outcome.status());
  nb::dict values;
  for (const InferOutput& output : (*outcome).outputs) {
    const TensorView view = output.tensor.view();
    const bool has_axis = view.shape.rank() > 0 && view.shape[0] == 1;
    values[output.name.c_str()] = is_a_row && has_axis ? row_of(view) : array_of(view);
  }
  return values;
}

void Future::wait(std::optional<double> timeout) {
  const auto begun = std::chrono::steady_clock::now();
  while (!done()) {
    if (queue_->generation != fork_count()) {
      raise_named(
          "FailedPrecondition",
          "it was submitted before this process was forked from its parent, and is answered there");
    }
    auto slice = kSignalInterval;
    if (timeout) {
      const std::chrono::duration<double> left =
          std::chrono::duration<double>(*timeout) - (std::chrono::steady_clock::now() - begun);
      if (!(left.count() > 0)) {
        raise_named("DeadlineExceeded",
                    "the outcome is not there after " + std::to_string(*timeout) + " s");
      }
      if (left < slice) slice = std::chrono::ceil<std::chrono::milliseconds>(left);
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

nb::object Future::await() {
  const nb::object loop = running_loop();
  Waiting& waiting = waiting_of(loop);
  const nb::object future = called(loop, names().create_future);
  waiting.add(call_, future);
  return nb::object(future.attr("__await__")());
}

void bind_future(nb::module_& module) {
  using namespace nb::literals;
  nb::class_<Waiting>(module, "Waiting", nb::type_slots(waiting_slots), nb::is_weak_referenceable(),
                      "What one event loop waits for (muster._loops).")
      .def(nb::init<>())
      .def("fileno", &Waiting::descriptor, "Readable when something is done.")
      .def("answer", &Waiting::answer, "Gives what is done to those who wait for it.");
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
      .def("__await__", &Future::await,
           nb::sig("def __await__(self) -> collections.abc.Generator[typing.Any, None, dict[str, "
                   "numpy.typing.NDArray[typing.Any]]]"));
}

}  // namespace muster::python
