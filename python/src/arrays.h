// SPDX-License-Identifier: Apache-2.0
// Arrays: the memory of Python's arrays, borrowed for a run, and new arrays for what a run made.
// Everything here holds the interpreter's lock.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>

#include <muster/model.h>
#include <muster/tensor.h>

#include "python/src/numpy.h"
#include "python/src/python.h"

namespace muster::python {

// numpy's name of a type, "bytes" for BYTES; and the other way round, kInvalid for what is none.
[[nodiscard]] const char* dtype_name(DataType type) noexcept;

// The memory of an array of exactly that type, contiguous and in this machine's byte order: the
// array's own, where it is so, else that of a copy. Whatever is borrowed stays in place until this
// ends, but its owner may write to it.
class BorrowedArray {
 public:
  enum class Use { kRead, kWrite };

  BorrowedArray() = default;
  BorrowedArray(BorrowedArray&&) = delete;
  BorrowedArray& operator=(BorrowedArray&&) = delete;
  ~BorrowedArray();

  // Once. `what` names the array in errors: "input 'images'".
  void take(nb::handle array, DataType type, const std::string& name, const char* role, Use use);

  [[nodiscard]] const Shape& shape() const noexcept { return shape_; }
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return bytes_; }
  [[nodiscard]] std::span<std::byte> writable() const noexcept {
    return {const_cast<std::byte*>(bytes_.data()), bytes_.size()};
  }

 private:
  bool take_as_it_is(PyObject* array, DataType type, Use use);
  bool take_of_numpy(PyObject* array, DataType type, Use use);

  Py_buffer buffer_;
  bool held_ = false;
  nb::object array_;  // of numpy, whose memory is had without a buffer
  std::optional<Tensor> strings_;
  Shape shape_;
  std::span<const std::byte> bytes_;
};

// A numpy array of these elements; of objects where they are BYTES.
[[nodiscard]] nb::object array_of(const TensorView& tensor);
// The same in the shape without the first axis, of a tensor that has one row.
[[nodiscard]] nb::object row_of(const TensorView& tensor);

// Copies without the lock where that takes long.
void copy_bytes(std::span<const std::byte> from, std::byte* to);

[[nodiscard]] nb::tuple shape_tuple(std::span<const std::int64_t> dims);

}  // namespace muster::python
