// SPDX-License-Identifier: Apache-2.0
#include "python/src/python.h"

#include <nanobind/stl/string.h>

#include "python/src/exit.h"

namespace muster::python {
namespace {

PyThreadState* leave() {
  // When the end has begun nobody may leave any more: the lock could not be had again.
  if (is_exiting()) return nullptr;
  count_outside(+1);
  return PyEval_SaveThread();
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

nb::object from_package(const char* module, const char* name) {
  return nb::module_::import_(("muster." + std::string(module)).c_str()).attr(name);
}

}  // namespace muster::python
