// SPDX-License-Identifier: Apache-2.0
#include "python/src/numpy.h"

#include <array>
#include <vector>

#define NPY_NO_DEPRECATED_API NPY_1_23_API_VERSION
#define PY_ARRAY_UNIQUE_SYMBOL muster_numpy_api
#include <numpy/arrayobject.h>

namespace muster::python {
namespace {

void need_numpy() {
  static bool there = false;
  if (there) return;
  if (_import_array() < 0) throw nb::python_error();
  there = true;
}

// Of numpy's own number of a type.
DataType type_of_number(int number, npy_intp item_size) noexcept {
  switch (number) {
    case NPY_BOOL:
      return DataType::kBool;
    case NPY_BYTE:
      return DataType::kInt8;
    case NPY_UBYTE:
      return DataType::kUint8;
    case NPY_SHORT:
      return DataType::kInt16;
    case NPY_USHORT:
      return DataType::kUint16;
    case NPY_INT:
    case NPY_LONG:
    case NPY_LONGLONG:
      return item_size == 8 ? DataType::kInt64 : DataType::kInt32;
    case NPY_UINT:
    case NPY_ULONG:
    case NPY_ULONGLONG:
      return item_size == 8 ? DataType::kUint64 : DataType::kUint32;
    case NPY_HALF:
      return DataType::kFp16;
    case NPY_FLOAT:
      return DataType::kFp32;
    case NPY_DOUBLE:
      return DataType::kFp64;
    default:
      return DataType::kInvalid;
  }
}

int number_of_type(DataType type) noexcept {
  switch (type) {
    case DataType::kBool:
      return NPY_BOOL;
    case DataType::kUint8:
      return NPY_UINT8;
    case DataType::kUint16:
    case DataType::kBf16:
      return NPY_UINT16;
    case DataType::kUint32:
      return NPY_UINT32;
    case DataType::kUint64:
      return NPY_UINT64;
    case DataType::kInt8:
      return NPY_INT8;
    case DataType::kInt16:
      return NPY_INT16;
    case DataType::kInt32:
      return NPY_INT32;
    case DataType::kInt64:
      return NPY_INT64;
    case DataType::kFp16:
      return NPY_HALF;
    case DataType::kFp32:
      return NPY_FLOAT;
    case DataType::kFp64:
      return NPY_DOUBLE;
    case DataType::kBytes:
    case DataType::kInvalid:
      break;
  }
  return NPY_NOTYPE;
}

}  // namespace

bool plain_memory_of(PyObject* object, PlainMemory& memory) {
  need_numpy();
  if (!PyArray_Check(object)) return false;
  auto* const array = reinterpret_cast<PyArrayObject*>(object);
  if (!PyArray_ISCARRAY_RO(array)) return false;
  memory.type = type_of_number(PyArray_TYPE(array), PyArray_ITEMSIZE(array));
  if (memory.type == DataType::kInvalid) return false;
  memory.dims = {PyArray_DIMS(array), static_cast<std::size_t>(PyArray_NDIM(array))};
  memory.bytes = {static_cast<std::byte*>(PyArray_DATA(array)),
                  static_cast<std::size_t>(PyArray_NBYTES(array))};
  memory.writable = PyArray_ISWRITEABLE(array);
  return true;
}

NewArray new_array(DataType type, std::span<const std::int64_t> dims) {
  need_numpy();
  static_assert(sizeof(npy_intp) == sizeof(std::int64_t));
  static_assert(NPY_MAXDIMS >= Shape::kInlineRank);
  if (dims.size() > NPY_MAXDIMS)
    raise_named("InvalidArgument", "numpy has no array of so many axes");
  // Not written to; the function wants it so.
  auto* const lengths = const_cast<npy_intp*>(reinterpret_cast<const npy_intp*>(dims.data()));
  NewArray made;
  made.array =
      nb::steal(PyArray_SimpleNew(static_cast<int>(dims.size()), lengths, number_of_type(type)));
  if (!made.array.is_valid()) throw nb::python_error();
  auto* const array = reinterpret_cast<PyArrayObject*>(made.array.ptr());
  made.bytes = {static_cast<std::byte*>(PyArray_DATA(array)),
                static_cast<std::size_t>(PyArray_NBYTES(array))};
  return made;
}

}  // namespace muster::python
