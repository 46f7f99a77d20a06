// SPDX-License-Identifier: Apache-2.0
// numpy by its C API, which costs a tenth of what its functions cost when Python calls them. The
// one file that includes numpy's headers is numpy.cc; numpy itself is imported when it is first
// needed. Everything here holds the interpreter's lock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <muster/tensor.h>

#include "python/src/python.h"

namespace muster::python {

// An array's memory, which lies as Muster wants it.
struct PlainMemory {
  DataType type = DataType::kInvalid;
  std::span<const std::ptrdiff_t> dims;
  std::span<std::byte> bytes;
  bool writable = false;
};
// False where `object` is no array of numpy, or one that is not contiguous, aligned and in this
// machine's byte order, or of a type that Muster has not. Valid as long as the array.
[[nodiscard]] bool plain_memory_of(PyObject* object, PlainMemory& memory);

// A new numpy array, uninitialised, and its memory. Not of BYTES; bfloat16 goes as uint16.
struct NewArray {
  nb::object array;
  std::span<std::byte> bytes;
};
[[nodiscard]] NewArray new_array(DataType type, std::span<const std::int64_t> dims);

}  // namespace muster::python
