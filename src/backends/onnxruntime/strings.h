// SPDX-License-Identifier: Apache-2.0
// BYTES elements to and from the runtime's string tensors, embedded NULs included.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include <onnxruntime_cxx_api.h>

#include <muster/tensor.h>

namespace muster::onnxruntime {

// `target` is a string tensor of the view's shape; its elements are replaced.
[[nodiscard]] Status read_strings(const TensorView& serialised, Ort::Value& target);

// One string tensor in serialised form. Keeps its memory from one tensor to the next.
class SerialisedStrings {
 public:
  [[nodiscard]] Status take(const Ort::Value& tensor);
  // Valid until the next take().
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return bytes_; }

 private:
  std::vector<char> content_;
  std::vector<std::size_t> offsets_;
  std::vector<std::byte> bytes_;
};

}  // namespace muster::onnxruntime
