// SPDX-License-Identifier: Apache-2.0
#include "python/src/queue/waiting.h"

#include <cstddef>
#include <new>
#include <utility>

#include <structmember.h>

#include "python/src/queue/outcome.h"

namespace muster::python {

// A Python object. What asyncio's tasks ask of it is `_asyncio_future_blocking`, `get_loop`,
// `add_done_callback`, `cancel` and `result` (bpo-26730 names them the protocol of futures); it is
// its own iterator.
struct Awaited : BellListener {
  Awaited(std::shared_ptr<Call> its_call, nb::object its_loop, Waiting& its_waiting,
          nb::object its_owner)
      : BellListener(its_waiting.bell()),
        call(std::move(its_call)),
        loop(std::move(its_loop)),
        waiting(its_waiting),
        owner(std::move(its_owner)) {}

  const std::shared_ptr<Call> call;
  const nb::object loop;
  Waiting& waiting;
  const nb::object owner;  // of that
  nb::object callback;     // of the task
  nb::object context;
  nb::object cancel_message;
  bool is_cancelled = false;
  // Of Waiting.
  bool is_added = false;
  Awaited* next = nullptr;
  Awaited* previous = nullptr;
};

namespace {

struct AwaitedObject {
  PyObject head;
  char blocking;  // `_asyncio_future_blocking`
  alignas(Awaited) std::byte storage[sizeof(Awaited)];

  Awaited& state() noexcept { return *std::launder(reinterpret_cast<Awaited*>(storage)); }
};

PyObject* object_of(Awaited& awaited) noexcept {
  return reinterpret_cast<PyObject*>(reinterpret_cast<std::byte*>(&awaited) -
                                     offsetof(AwaitedObject, storage));
}

AwaitedObject& awaited_object(PyObject* self) noexcept {
  return *reinterpret_cast<AwaitedObject*>(self);
}

Awaited& state_of(PyObject* self) noexcept {
  return awaited_object(self).state();
}

// Runs what may throw; null and Python's error where it did.
template <typename F>
PyObject* guarded_call(F function) noexcept {
  try {
    return function();
  } catch (nb::python_error& error) {
    error.restore();
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
  } catch (const std::exception& error) {
    PyErr_SetString(PyExc_RuntimeError, error.what());
  }
  return nullptr;
}

PyObject* raise_cancelled(const Awaited& awaited) {
  const nb::object kind = nb::module_::import_("asyncio").attr("CancelledError");
  const nb::object error = awaited.cancel_message.is_valid() && !awaited.cancel_message.is_none()
                               ? kind(awaited.cancel_message)
                               : kind();
  PyErr_SetObject(kind.ptr(), error.ptr());
  return nullptr;
}

// The outcome; null and Python's error where there is none.
PyObject* outcome_of(Awaited& awaited) noexcept {
  return guarded_call([&]() -> PyObject* {
    if (awaited.is_cancelled) return raise_cancelled(awaited);
    return value_of(awaited.call->outcome(), awaited.call->is_a_row()).release().ptr();
  });
}

PySendResult send(PyObject* self, PyObject* /*value*/, PyObject** result) {
  Awaited& awaited = state_of(self);
  if (awaited.call->done() || awaited.is_cancelled) {
    *result = outcome_of(awaited);
    return *result != nullptr ? PYGEN_RETURN : PYGEN_ERROR;
  }
  if (awaited.callback.is_valid()) {
    *result = nullptr;
    PyErr_SetString(PyExc_RuntimeError, "the outcome is not there: its task went on by itself");
    return PYGEN_ERROR;
  }
  awaited_object(self).blocking = 1;
  *result = Py_NewRef(self);
  return PYGEN_NEXT;
}

PyObject* iternext(PyObject* self) {
  PyObject* result = nullptr;
  const PySendResult sent = send(self, Py_None, &result);
  if (sent != PYGEN_RETURN) return result;
  // A dict: it is never mistaken for the exception's arguments.
  PyErr_SetObject(PyExc_StopIteration, result);
  Py_DECREF(result);
  return nullptr;
}

PyObject* get_loop(PyObject* self, PyObject* /*none*/) {
  return nb::object(state_of(self).loop).release().ptr();
}

// (callback, *, context=None), once.
PyObject* add_done_callback(PyObject* self, PyObject* const* arguments, Py_ssize_t count,
                            PyObject* names) {
  Awaited& awaited = state_of(self);
  const Py_ssize_t named = names == nullptr ? 0 : PyTuple_GET_SIZE(names);
  if (count != 1 || named > 1 || awaited.callback.is_valid()) {
    PyErr_SetString(PyExc_TypeError, "expected one callback, once, and its context");
    return nullptr;
  }
  awaited.callback = nb::borrow(arguments[0]);
  if (named == 1) awaited.context = nb::borrow(arguments[1]);
  awaited.waiting.add(awaited);
  Py_RETURN_NONE;
}

// (msg=None)
PyObject* cancel(PyObject* self, PyObject* const* arguments, Py_ssize_t count, PyObject* names) {
  Awaited& awaited = state_of(self);
  if (awaited.is_cancelled || awaited.call->done()) Py_RETURN_FALSE;
  const Py_ssize_t given = count + (names == nullptr ? 0 : PyTuple_GET_SIZE(names));
  if (given > 0) awaited.cancel_message = nb::borrow(arguments[0]);
  awaited.is_cancelled = true;
  if (!awaited.callback.is_valid()) Py_RETURN_TRUE;
  return guarded_call([&]() -> PyObject* {
    const nb::object callback = std::exchange(awaited.callback, nb::object());
    const nb::object context =
        awaited.context.is_valid() ? awaited.context : nb::object(nb::none());
    awaited.loop.attr("call_soon")(callback, nb::handle(self), nb::arg("context") = context);
    return Py_NewRef(Py_True);
  });
}

// For the task, which wants to know of a failure only: the value comes by the iterator.
PyObject* result(PyObject* self, PyObject* /*none*/) {
  Awaited& awaited = state_of(self);
  if (!awaited.is_cancelled && awaited.call->done() && awaited.call->outcome().ok()) Py_RETURN_NONE;
  if (!awaited.is_cancelled && !awaited.call->done()) {
    PyErr_SetString(PyExc_RuntimeError, "the outcome is not there");
    return nullptr;
  }
  return outcome_of(awaited);
}

int traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  const Awaited& awaited = state_of(self);
  Py_VISIT(awaited.loop.ptr());
  Py_VISIT(awaited.owner.ptr());
  Py_VISIT(awaited.callback.ptr());
  Py_VISIT(awaited.context.ptr());
  Py_VISIT(awaited.cancel_message.ptr());
  return 0;
}

int clear(PyObject* self) {
  Awaited& awaited = state_of(self);
  awaited.callback.reset();
  awaited.context.reset();
  awaited.cancel_message.reset();
  return 0;
}

void deallocate(PyObject* self) {
  PyObject_GC_UnTrack(self);
  PyTypeObject* const type = Py_TYPE(self);
  state_of(self).~Awaited();
  PyObject_GC_Del(self);
  Py_DECREF(type);
}

PyMethodDef methods[] = {
    {"get_loop", get_loop, METH_NOARGS, nullptr},
    {"add_done_callback", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(add_done_callback)),
     METH_FASTCALL | METH_KEYWORDS, nullptr},
    {"cancel", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(cancel)),
     METH_FASTCALL | METH_KEYWORDS, nullptr},
    {"result", result, METH_NOARGS, nullptr},
    {nullptr, nullptr, 0, nullptr}};

PyMemberDef members[] = {
    {"_asyncio_future_blocking", T_BOOL, offsetof(AwaitedObject, blocking), 0, nullptr},
    {nullptr, 0, 0, 0, nullptr}};

template <typename F>
void* slot(F* function) {
  return reinterpret_cast<void*>(function);
}

PyTypeObject* awaited_type() {
  static PyTypeObject* type = nullptr;
  if (type != nullptr) return type;
  PyType_Slot slots[] = {{Py_tp_dealloc, slot(deallocate)},
                         {Py_tp_traverse, slot(traverse)},
                         {Py_tp_clear, slot(clear)},
                         {Py_tp_iter, slot(PyObject_SelfIter)},
                         {Py_tp_iternext, slot(iternext)},
                         {Py_am_send, slot(send)},
                         {Py_tp_methods, methods},
                         {Py_tp_members, members},
                         {0, nullptr}};
  PyType_Spec spec{"muster._core.Awaited", sizeof(AwaitedObject), 0,
                   Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION |
                       Py_TPFLAGS_IMMUTABLETYPE,
                   slots};
  type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
  if (type == nullptr) throw nb::python_error();
  return type;
}

// Calls back in the task's context; the loop does it, where that is entered already.
bool call_back(Awaited& awaited) {
  const nb::object callback = std::exchange(awaited.callback, nb::object());
  if (!callback.is_valid()) return true;  // it was cancelled
  PyObject* const self = object_of(awaited);
  PyObject* const context = awaited.context.is_none() ? nullptr : awaited.context.ptr();
  if (context != nullptr && PyContext_Enter(context) != 0) {
    PyErr_Clear();
    awaited.loop.attr("call_soon")(callback, nb::handle(self),
                                   nb::arg("context") = awaited.context);
    return true;
  }
  nb::object returned = nb::steal(PyObject_CallOneArg(callback.ptr(), self));
  if (context == nullptr) return returned.is_valid();
  const nb::error_scope error;
  if (PyContext_Exit(context) != 0) PyErr_Clear();
  return returned.is_valid();
}

// The event loop that the calling thread last awaited in, which lives as long as its Waiting.
struct LoopOfThread {
  PyObject* weak = nullptr;
  PyObject* owner = nullptr;  // borrowed
  Waiting* waiting = nullptr;
};
thread_local LoopOfThread loop_of_thread;

nb::object called(nb::handle object) {
  nb::object value = nb::steal(PyObject_CallNoArgs(object.ptr()));
  if (!value.is_valid()) throw nb::python_error();
  return value;
}

nb::object running_loop() {
  static PyObject* const get =
      nb::object(nb::module_::import_("asyncio").attr("get_running_loop")).release().ptr();
  return called(get);
}

const LoopOfThread& enter(const nb::object& loop) {
  LoopOfThread& here = loop_of_thread;
  if (here.weak != nullptr && called(here.weak).is(loop)) return here;
  const nb::object waiting = from_package("_loops", "waiting_of")(loop);
  PyObject* const weak = PyWeakref_NewRef(loop.ptr(), nullptr);
  if (weak == nullptr) throw nb::python_error();
  Py_XDECREF(here.weak);
  here = {weak, waiting.ptr(), nb::cast<Waiting*>(waiting)};
  return here;
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

PyType_Slot waiting_slots[] = {
    {Py_tp_traverse, slot(traverse_waiting)}, {Py_tp_clear, slot(clear_waiting)}, {0, nullptr}};

}  // namespace

Waiting::Waiting() : bell_(Bell::make()) {
  if (!bell_) raise_named("ResourceExhausted", "the system has no file descriptor left");
}

void Waiting::add(Awaited& awaited) {
  Py_INCREF(object_of(awaited));
  awaited.is_added = true;
  awaited.previous = nullptr;
  awaited.next = first_;
  if (first_ != nullptr) first_->previous = &awaited;
  first_ = &awaited;
  awaited.call->ring(awaited);
}

nb::object Waiting::take(Awaited& awaited) noexcept {
  (awaited.previous != nullptr ? awaited.previous->next : first_) = awaited.next;
  if (awaited.next != nullptr) awaited.next->previous = awaited.previous;
  awaited.is_added = false;
  return nb::steal(object_of(awaited));
}

void Waiting::answer() {
  BellListener* listener = bell_->answer();
  while (listener != nullptr) {
    auto& awaited = static_cast<Awaited&>(*listener);
    listener = Bell::next_of(*listener);
    const nb::object owned = take(awaited);
    if (call_back(awaited)) continue;
    // Such as KeyboardInterrupt, which ends the loop's turn; the others are for the next.
    nb::python_error error;
    while (listener != nullptr) {
      BellListener& left = *listener;
      listener = Bell::next_of(left);
      bell_->ring(left);
    }
    throw std::move(error);
  }
}

int Waiting::traverse(visitproc visit, void* arg) const {
  for (Awaited* awaited = first_; awaited != nullptr; awaited = awaited->next)
    Py_VISIT(object_of(*awaited));
  return 0;
}

void Waiting::clear() {
  while (first_ != nullptr) {
    Awaited& awaited = *first_;
    awaited.call->forget(awaited);
    const nb::object owned = take(awaited);
  }
}

nb::object await_call(std::shared_ptr<Call> call) {
  nb::object loop = running_loop();
  const LoopOfThread& here = enter(loop);
  auto* const object = PyObject_GC_New(AwaitedObject, awaited_type());
  if (object == nullptr) throw nb::python_error();
  object->blocking = 0;
  new (object->storage)
      Awaited(std::move(call), std::move(loop), *here.waiting, nb::borrow(here.owner));
  PyObject_GC_Track(object);
  return nb::steal(reinterpret_cast<PyObject*>(object));
}

void bind_waiting(nb::module_& module) {
  nb::class_<Waiting>(module, "Waiting", nb::type_slots(waiting_slots), nb::is_weak_referenceable(),
                      "What one event loop waits for (muster._loops).")
      .def(nb::init<>())
      .def("fileno", &Waiting::descriptor, "Readable when something is done.")
      .def("answer", &Waiting::answer, "Lets what waits for it go on where it is done.");
}

}  // namespace muster::python
