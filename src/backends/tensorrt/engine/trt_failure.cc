// SPDX-License-Identifier: Apache-2.0
#include "backends/tensorrt/engine/trt_failure.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "backends/tensorrt/engine/trt_log.h"

namespace muster::tensorrt {
namespace {

constexpr std::array<std::string_view, 4> kMemoryWords = {"out of memory", "OutOfMemory",
                                                          "outOfMemory", "insufficient memory"};

bool speaks_of_memory(std::string_view text) {
  return std::ranges::any_of(kMemoryWords, [&](std::string_view word) {
    return text.find(word) != std::string_view::npos;
  });
}

}  // namespace

Status trt_failure(Device& device, const std::string& what) {
  const std::string said = take_trt_error();
  const std::string message =
      what + ": TensorRT says: " + (said.empty() ? std::string("nothing of why") : said);
  // A context that is lost fails every call of CUDA, also one that changes nothing.
  const Result<std::uint64_t> alive = device.free_bytes();
  if (!alive.ok() && alive.status().code() == kBrokenForGood)
    return {kBrokenForGood, message + "; " + std::string(alive.status().message())};
  if (speaks_of_memory(said)) return resource_exhausted(message);
  return internal_error(message);
}

}  // namespace muster::tensorrt
