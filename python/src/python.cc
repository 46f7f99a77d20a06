// SPDX-License-Identifier: Apache-2.0
#include "python/src/python.h"

#include <nanobind/stl/string.h>

#include "python/src/exit.h"
#include "python/src/queue/turnstile.h"

namespace muster::python {
namespace {

PyThreadState* leave() {
  // When the end has begun nobody may leave any more: the lock could not be had again.
  if (is_exiting()) return nullptr;
  count_outside(+1);
  PyThreadState* const state = PyEval_SaveThread();
  Turn::pass();
  return state;
}

[[noreturn]] void raise_object(const nb::object& error) {
  PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(error.ptr())), error.ptr());
  throw nb::python_error();
}

}  // namespace

Outside::Outside() : state_(leave()) {}

Outside::~Outside() {
  if (state_ == nullptr) return;
  PyEval_RestoreThread(state_);
  count_outside(-1);
}

void raise(const Status& status) {
  const std::string message(status.message());
  raise_object(from_package("errors", "error_of")(static_cast<int>(status.code()), message));
}

void raise_named(const char* exception, const std::string& message) {
  raise_object(from_package("errors", exception)(message));
}

void raise_if_interrupted() {
  if (PyErr_CheckSignals() != 0) throw nb::python_error();
}

bool hears_signals() {
  struct Known {
    bool is_main = false;
    std::uint64_t forks = ~std::uint64_t{0};
  };
  thread_local Known known;
  if (known.forks != fork_count()) {
    const nb::object main = nb::module_::import_("threading").attr("main_thread")().attr("ident");
    known = {nb::cast<unsigned long>(main) == PyThread_get_thread_ident(), fork_count()};
  }
  return known.is_main;
}

nb::object from_package(const char* module, const char* name) {
  return nb::module_::import_(("muster." + std::string(module)).c_str()).attr(name);
}

}  // namespace muster::python
