// SPDX-License-Identifier: Apache-2.0
// Any bytes as an OpenVINO IR file: the outline either reads them or refuses them in one line.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "backends/openvino/ir_outline.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace muster;
  const auto outline =
      openvino::outline_ir(std::string_view(reinterpret_cast<const char*>(bytes), size));
  if (!outline.ok() && (outline.status().message().empty() ||
                        outline.status().message().find('\n') != std::string_view::npos)) {
    std::abort();
  }
  return 0;
}
