// SPDX-License-Identifier: Apache-2.0
// Any bytes as an ONNX file: the outline either reads them within its limits or refuses them in one
// line.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "backends/onnxruntime/outline.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace muster;
  const auto outline = onnxruntime::outline_bytes(std::as_bytes(std::span(bytes, size)));
  if (!outline.ok()) {
    if (outline.status().message().empty() ||
        outline.status().message().find('\n') != std::string_view::npos) {
      std::abort();
    }
    return 0;
  }
  if (outline->opsets.size() > onnxruntime::kMaxOpsets ||
      outline->external.size() > onnxruntime::kMaxExternalLocations) {
    std::abort();
  }
  for (const auto& external : outline->external) {
    if (external.location.size() > onnxruntime::kMaxLocationBytes) std::abort();
  }
  return 0;
}
