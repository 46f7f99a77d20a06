// SPDX-License-Identifier: Apache-2.0
// Any bytes as a .npy file: they are refused in one line, or become a tensor whose bytes are what
// its shape and type say.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "comparing/npy.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace muster;
  const auto tensor = read_npy(std::string_view(reinterpret_cast<const char*>(bytes), size));
  if (!tensor.ok()) {
    const std::string_view message = tensor.status().message();
    if (message.empty() || message.find('\n') != std::string_view::npos) std::abort();
    return 0;
  }
  const auto expected = byte_size(tensor->type(), tensor->shape());
  if (!expected.ok() || *expected != tensor->bytes().size() || *expected > size) std::abort();
  return 0;
}
