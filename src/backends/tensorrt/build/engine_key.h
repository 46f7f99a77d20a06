// SPDX-License-Identifier: Apache-2.0
// EngineKey: everything that an engine depends on, as one digest: what is kept under it is right for
// this model, this machine and these options, and for no other.
#pragma once

#include <string>
#include <vector>

#include "backends/tensorrt/device/device.h"
#include "backends/tensorrt/options.h"
#include "content_store/digest.h"

namespace muster::tensorrt {

struct EngineIngredients {
  DigestBytes model;           // of the file and its external weights, bytes
  std::string library;         // "10.6.0.26", of the library that is loaded, not of the headers
  DeviceFacts device;          // its model, compute capability, multiprocessors, driver
  BuildOptions build;          // with the profiles that were resolved
};

// Pure. The same on every machine; two that differ in anything above differ.
[[nodiscard]] DigestBytes engine_key(const EngineIngredients& ingredients);

// Timing caches may be used for other models: what the measurements depend on, and no more.
[[nodiscard]] DigestBytes timing_key(const std::string& library, const DeviceFacts& device);

}  // namespace muster::tensorrt
