// SPDX-License-Identifier: Apache-2.0
#include "python/src/arrays.h"

#include <array>
#include <bit>
#include <cstring>
#include <string_view>
#include <vector>

#include <nanobind/stl/string.h>

namespace muster::python {
namespace {

static_assert(std::endian::native == std::endian::little);

// Above this a copy takes longer than leaving the lock and coming back.
constexpr std::size_t kLongCopy = std::size_t{64} << 10;
constexpr std::size_t kTypes = static_cast<std::size_t>(DataType::kBf16) + 1;

// One element of the buffer protocol's formats, which are those of Python's module `struct`.
DataType type_of_format(const char* format, Py_ssize_t item_size) noexcept {
  std::string_view text = format == nullptr ? "B" : format;
  const bool little = !text.empty() && (text[0] == '<' || text[0] == '=' || text[0] == '@');
  if (little) text.remove_prefix(1);
  if (text.size() != 1) return DataType::kInvalid;
  switch (text[0]) {
    case '?':
      return DataType::kBool;
    case 'e':
      return DataType::kFp16;
    case 'f':
      return DataType::kFp32;
    case 'd':
      return DataType::kFp64;
    case 'b':
      return DataType::kInt8;
    case 'B':
      return DataType::kUint8;
    case 'h':
      return DataType::kInt16;
    case 'H':
      return DataType::kUint16;
    case 'i':
    case 'l':
    case 'q':
      return item_size == 8 ? DataType::kInt64 : DataType::kInt32;
    case 'I':
    case 'L':
    case 'Q':
      return item_size == 8 ? DataType::kUint64 : DataType::kUint32;
    default:
      return DataType::kInvalid;
  }
}

// Objects of numpy that are asked for again and again; never given back.
struct NumPy {
  PyObject* empty = nullptr;
  std::array<PyObject*, kTypes> dtypes{};
};

const NumPy& numpy() {
  static NumPy all;
  if (all.empty != nullptr) return all;
  const nb::module_ module = nb::module_::import_("numpy");
  for (std::size_t i = 1; i < kTypes; ++i) {
    const auto type = static_cast<DataType>(i);
    if (type == DataType::kBytes) continue;
    // numpy has no type of that name: its bits.
    const char* name = type == DataType::kBf16 ? "uint16" : dtype_name(type);
    all.dtypes[i] = nb::object(module.attr("dtype")(name)).release().ptr();
  }
  all.empty = nb::object(module.attr("empty")).release().ptr();
  return all;
}

Tensor tensor_of_strings(nb::handle array, const std::string& what) {
  const nb::tuple found = nb::tuple(from_package("_arrays", "strings_of")(array, what));
  const nb::list elements = nb::list(found[0]);
  std::vector<std::string_view> views;
  views.reserve(elements.size());
  for (const nb::handle element : elements) {
    char* text = nullptr;
    Py_ssize_t size = 0;
    if (PyBytes_AsStringAndSize(element.ptr(), &text, &size) != 0) throw nb::python_error();
    views.emplace_back(text, static_cast<std::size_t>(size));
  }
  std::vector<std::int64_t> dims;
  for (const nb::handle dim : nb::tuple(found[1]))
    dims.push_back(nb::cast<std::int64_t>(dim));
  return value_or_raise(Tensor::of_strings(Shape(std::span<const std::int64_t>(dims)), views));
}

nb::object array_of_strings(const TensorView& tensor, std::span<const std::int64_t> dims) {
  nb::list elements;
  for (const std::string_view text : value_or_raise(bytes_elements(tensor)))
    elements.append(nb::bytes(text.data(), text.size()));
  return from_package("_arrays", "array_of_strings")(elements, shape_tuple(dims));
}

nb::object array_with(const TensorView& tensor, std::span<const std::int64_t> dims) {
  if (tensor.type == DataType::kBytes) return array_of_strings(tensor, dims);
  NewArray made = new_array(tensor.type, dims);
  copy_bytes(tensor.bytes, made.bytes.data());
  return std::move(made.array);
}

}  // namespace

const char* dtype_name(DataType type) noexcept {
  static constexpr std::array<const char*, kTypes> kNames = {
      "invalid", "bool",  "uint8",   "uint16",  "uint32",  "uint64", "int8",    "int16",
      "int32",   "int64", "float16", "float32", "float64", "bytes",  "bfloat16"};
  return kNames[static_cast<std::size_t>(type)];
}

BorrowedArray::~BorrowedArray() {
  if (held_) PyBuffer_Release(&buffer_);
}

bool BorrowedArray::take_as_it_is(PyObject* array, DataType type, Use use) {
  if (PyObject_CheckBuffer(array) == 0) return false;
  if (PyObject_GetBuffer(array, &buffer_, use == Use::kRead ? PyBUF_RECORDS_RO : PyBUF_RECORDS) !=
      0) {
    PyErr_Clear();
    return false;
  }
  held_ = true;
  const DataType found = type_of_format(buffer_.format, buffer_.itemsize);
  const bool same = found == type || (type == DataType::kBf16 && found == DataType::kUint16);
  if (same && PyBuffer_IsContiguous(&buffer_, 'C') != 0) return true;
  PyBuffer_Release(&buffer_);
  held_ = false;
  return false;
}

void BorrowedArray::take(nb::handle array, DataType type, const std::string& name, const char* role,
                         Use use) {
  const auto what = [&] { return std::string(role) + " '" + name + "'"; };
  if (type == DataType::kBytes) {
    if (use == Use::kWrite)
      raise_named("Unimplemented", what() + ": text cannot be written into a given array");
    strings_ = tensor_of_strings(array, what());
    shape_ = strings_->shape();
    bytes_ = strings_->bytes();
    return;
  }
  if (!take_as_it_is(array.ptr(), type, use)) {
    // The buffer keeps what is made here.
    const nb::object made =
        from_package("_arrays", "plain")(array, dtype_name(type), what(), use == Use::kWrite);
    if (!take_as_it_is(made.ptr(), type, use))
      raise_named("InternalError", what() + ": its memory could not be had");
  }
  shape_ = Shape();
  std::array<std::int64_t, Shape::kInlineRank> few{};
  std::vector<std::int64_t> many;
  const auto rank = static_cast<std::size_t>(buffer_.ndim);
  if (rank > few.size()) many.resize(rank);
  const std::span<std::int64_t> dims =
      rank > few.size() ? std::span(many) : std::span(few).first(rank);
  for (std::size_t axis = 0; axis < rank; ++axis)
    dims[axis] = buffer_.shape[axis];
  shape_ = Shape(std::span<const std::int64_t>(dims));
  bytes_ = {static_cast<const std::byte*>(buffer_.buf), static_cast<std::size_t>(buffer_.len)};
}

nb::tuple shape_tuple(std::span<const std::int64_t> dims) {
  PyObject* const tuple = PyTuple_New(static_cast<Py_ssize_t>(dims.size()));
  if (tuple == nullptr) throw nb::python_error();
  for (std::size_t axis = 0; axis < dims.size(); ++axis)
    PyTuple_SET_ITEM(tuple, static_cast<Py_ssize_t>(axis), PyLong_FromLongLong(dims[axis]));
  return nb::steal<nb::tuple>(tuple);
}

NewArray new_array(DataType type, std::span<const std::int64_t> dims) {
  const NumPy& np = numpy();
  const nb::tuple shape = shape_tuple(dims);
  PyObject* arguments[] = {shape.ptr(), np.dtypes[static_cast<std::size_t>(type)]};
  NewArray made;
  made.array = nb::steal(PyObject_Vectorcall(np.empty, arguments, 2, nullptr));
  if (!made.array.is_valid()) throw nb::python_error();
  Py_buffer buffer;
  if (PyObject_GetBuffer(made.array.ptr(), &buffer, PyBUF_WRITABLE) != 0) throw nb::python_error();
  made.bytes = {static_cast<std::byte*>(buffer.buf), static_cast<std::size_t>(buffer.len)};
  // The array keeps its memory where it is: nobody else has it yet.
  PyBuffer_Release(&buffer);
  return made;
}

nb::object array_of(const TensorView& tensor) {
  return array_with(tensor, tensor.shape.dims());
}

nb::object row_of(const TensorView& tensor) {
  return array_with(tensor, tensor.shape.dims().subspan(1));
}

void copy_bytes(std::span<const std::byte> from, std::byte* to) {
  if (from.empty()) return;
  if (from.size() < kLongCopy) {
    std::memcpy(to, from.data(), from.size());
    return;
  }
  const Outside outside;
  std::memcpy(to, from.data(), from.size());
}

}  // namespace muster::python
