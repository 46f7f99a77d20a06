// SPDX-License-Identifier: Apache-2.0
#include "python/src/arrays.h"

#include <algorithm>
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

// bfloat16 goes as its bits.
bool same_elements(DataType found, DataType wanted) noexcept {
  return found == wanted || (wanted == DataType::kBf16 && found == DataType::kUint16);
}

template <typename Dims>
Shape shape_of(Dims dims) {
  std::array<std::int64_t, Shape::kInlineRank> few;
  if (dims.size() <= few.size()) {
    std::ranges::copy(dims, few.begin());
    return Shape(std::span<const std::int64_t>(few).first(dims.size()));
  }
  const std::vector<std::int64_t> many(dims.begin(), dims.end());
  return Shape(std::span<const std::int64_t>(many));
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

bool BorrowedArray::take_of_numpy(PyObject* array, DataType type, Use use) {
  PlainMemory memory;
  if (!plain_memory_of(array, memory) || !same_elements(memory.type, type)) return false;
  if (use == Use::kWrite && !memory.writable) return false;
  array_ = nb::borrow(array);
  shape_ = shape_of(memory.dims);
  bytes_ = memory.bytes;
  return true;
}

bool BorrowedArray::take_as_it_is(PyObject* array, DataType type, Use use) {
  if (take_of_numpy(array, type, use)) return true;
  if (PyObject_CheckBuffer(array) == 0) return false;
  if (PyObject_GetBuffer(array, &buffer_, use == Use::kRead ? PyBUF_RECORDS_RO : PyBUF_RECORDS) !=
      0) {
    PyErr_Clear();
    return false;
  }
  held_ = true;
  const DataType found = type_of_format(buffer_.format, buffer_.itemsize);
  if (same_elements(found, type) && PyBuffer_IsContiguous(&buffer_, 'C') != 0) {
    shape_ = shape_of(std::span(buffer_.shape, static_cast<std::size_t>(buffer_.ndim)));
    bytes_ = {static_cast<const std::byte*>(buffer_.buf), static_cast<std::size_t>(buffer_.len)};
    return true;
  }
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
}

nb::tuple shape_tuple(std::span<const std::int64_t> dims) {
  PyObject* const tuple = PyTuple_New(static_cast<Py_ssize_t>(dims.size()));
  if (tuple == nullptr) throw nb::python_error();
  for (std::size_t axis = 0; axis < dims.size(); ++axis)
    PyTuple_SET_ITEM(tuple, static_cast<Py_ssize_t>(axis), PyLong_FromLongLong(dims[axis]));
  return nb::steal<nb::tuple>(tuple);
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
