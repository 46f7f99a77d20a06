// SPDX-License-Identifier: Apache-2.0
// ONNX Runtime 1.5.0, as far as it can be asked for its version: it has no API that we know.
#include <cstdint>

#include <onnxruntime_c_api.h>

namespace {

constexpr OrtApiBase kBase = {
    [](std::uint32_t) noexcept -> const OrtApi* { return nullptr; },
    []() noexcept { return "1.5.0"; },
};

}  // namespace

const OrtApiBase* ORT_API_CALL OrtGetApiBase(void) noexcept {
  return &kBase;
}
