// SPDX-License-Identifier: Apache-2.0
#include "python/src/queue/outcome.h"

#include <map>
#include <string>

#include "python/src/arrays.h"

namespace muster::python {
namespace {

// The name as Python's dicts find it soonest. Kept for good: models have few outputs.
PyObject* interned(const std::string& name) {
  static auto* const all = new std::map<std::string, PyObject*, std::less<>>;
  const auto found = all->find(name);
  if (found != all->end()) return found->second;
  PyObject* made = nb::str(name.c_str(), name.size()).release().ptr();
  PyUnicode_InternInPlace(&made);
  return all->emplace(name, made).first->second;
}

}  // namespace

nb::object value_of(const Result<InferResponse>& outcome, bool is_a_row) {
  if (!outcome.ok()) raise(outcome.status());
  nb::dict values;
  for (const InferOutput& output : (*outcome).outputs) {
    const TensorView view = output.tensor.view();
    const bool has_axis = view.shape.rank() > 0 && view.shape[0] == 1;
    const nb::object array = is_a_row && has_axis ? row_of(view) : array_of(view);
    if (PyDict_SetItem(values.ptr(), interned(output.name), array.ptr()) != 0)
      throw nb::python_error();
  }
  return values;
}

}  // namespace muster::python
