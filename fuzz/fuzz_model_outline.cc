// SPDX-License-Identifier: Apache-2.0
// Any bytes as an ONNX file: the outline either reads them within its limits or refuses them in one
// line.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "onnx/outline.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace muster;
  const auto outline = onnx::outline_bytes(std::as_bytes(std::span(bytes, size)));
  if (!outline.ok()) {
    if (outline.status().message().empty() ||
        outline.status().message().find('\n') != std::string_view::npos) {
      std::abort();
    }
    return 0;
  }
  if (outline->opsets.size() > onnx::kMaxOpsets ||
      outline->external.size() > onnx::kMaxExternalLocations) {
    std::abort();
  }
  for (const auto& external : outline->external) {
    if (external.location.size() > onnx::kMaxLocationBytes) std::abort();
  }
  return 0;
}
