// SPDX-License-Identifier: Apache-2.0
#include "python/src/inputs.h"

#include <string>

namespace muster::python {
namespace {

std::string quoted_list(const std::vector<TensorSpec>& specs) {
  std::string list;
  for (const TensorSpec& spec : specs)
    list += (list.empty() ? "'" : ", '") + spec.name + "'";
  return list;
}

// Whether `dims` fill in `spec` from its axis `from` on.
bool fits(const Shape& spec, std::size_t from, const Shape& given) {
  if (spec.rank() != given.rank() + from) return false;
  for (std::size_t axis = 0; axis < given.rank(); ++axis) {
    const std::int64_t wanted = spec[axis + from];
    if (wanted != kDynamicDim && wanted != given[axis]) return false;
  }
  return true;
}

[[noreturn]] void raise_shape(const TensorSpec& spec, const Shape& given, const std::string& more) {
  raise_named("InvalidArgument", "input '" + spec.name + "': expected " + described(spec) +
                                     ", given the shape " + given.to_string() + more);
}

}  // namespace

std::vector<nb::str> names_of(const std::vector<TensorSpec>& specs) {
  std::vector<nb::str> names;
  for (const TensorSpec& spec : specs) {
    PyObject* name = nb::str(spec.name.c_str(), spec.name.size()).release().ptr();
    PyUnicode_InternInPlace(&name);
    names.push_back(nb::steal<nb::str>(name));
  }
  return names;
}

std::string described(const TensorSpec& spec) {
  return std::string(dtype_name(spec.type)) + " of " + spec.shape.to_string();
}

Inputs::Inputs(const Rules& rules, const nb::args& arguments) : size_(rules.specs.size()) {
  if (size_ > 1) {
    several_ = std::make_unique<BorrowedArray[]>(size_);
    arrays_ = several_.get();
  }
  const std::size_t given = arguments.size();
  if (given == 1 && PyDict_Check(nb::handle(arguments[0]).ptr())) {
    take_named(rules, nb::borrow<nb::dict>(arguments[0]));
    return;
  }
  if (given != size_) {
    raise_named("InvalidArgument",
                "expected " + std::to_string(size_) + (size_ == 1 ? " array (" : " arrays (") +
                    quoted_list(rules.specs) + "), given " + std::to_string(given));
  }
  for (std::size_t i = 0; i < size_; ++i)
    take(rules, i, arguments[i]);
}

void Inputs::take_named(const Rules& rules, const nb::dict& arrays) {
  std::size_t found = 0;
  for (std::size_t i = 0; i < size_; ++i) {
    PyObject* const array = PyDict_GetItemWithError(arrays.ptr(), rules.names[i].ptr());
    if (array == nullptr) {
      if (PyErr_Occurred() != nullptr) throw nb::python_error();
      raise_named("InvalidArgument", "input '" + rules.specs[i].name + "' is missing");
    }
    ++found;
    take(rules, i, array);
  }
  if (found == arrays.size()) return;
  for (const auto [key, value] : arrays) {
    bool known = false;
    for (const nb::str& name : rules.names)
      known = known || name.equal(key);
    if (known) continue;
    raise_named("InvalidArgument", "the model has no input " + std::string(nb::repr(key).c_str()) +
                                       ", only " + quoted_list(rules.specs));
  }
}

void Inputs::take(const Rules& rules, std::size_t index, nb::handle array) {
  const TensorSpec& spec = rules.specs[index];
  arrays_[index].take(array, spec.type, spec.name, "input", BorrowedArray::Use::kRead);
  check(rules, index);
}

void Inputs::check(const Rules& rules, std::size_t index) {
  const TensorSpec& spec = rules.specs[index];
  const Shape& given = arrays_[index].shape();
  const bool whole = fits(spec.shape, 0, given);
  if (!rules.stacked) {
    if (!whole) raise_shape(spec, given, "");
    return;
  }
  const bool a_row = !whole && rules.takes_a_row && fits(spec.shape, 1, given);
  if (!whole && !a_row) {
    const bool lacks_axis = fits(spec.shape, 1, given);
    raise_shape(spec, given,
                lacks_axis ? ": the batch axis is missing, as array[None] adds it" : "");
  }
  const std::int64_t rows = whole ? given[0] : 1;
  if (rows == 0) raise_shape(spec, given, ": a batch has at least one row");
  if (index > 0 && (rows != rows_ || a_row != is_a_row_)) {
    raise_shape(spec, given, ": the inputs before it have " + std::to_string(rows_) + " rows");
  }
  rows_ = rows;
  is_a_row_ = a_row;
}

Shape Inputs::shape(std::size_t index) const {
  const Shape& given = arrays_[index].shape();
  return is_a_row_ ? given.with_first(1) : given;
}

}  // namespace muster::python
