// SPDX-License-Identifier: Apache-2.0
// EngineBuild: from an ONNX file to a serialised engine. Minutes; on the calling thread, with the
// builder's own threads.
#pragma once

#include <string>
#include <vector>

#include <muster/backend.h>

#include "backends/tensorrt/device/device.h"
#include "backends/tensorrt/options.h"

namespace muster::tensorrt {

struct BuildOrder {
  const std::string& file;                 // checked already (onnx/external_files.h)
  const BuildOptions& options;             // profiles as text
  Device& device;                          // in use on this thread
  std::string timing_cache;                // what was measured before; "" = nothing
  CompileListener& listener;
};

struct BuiltEngine {
  std::string plan;          // the engine's bytes
  std::string timing_cache;  // to be kept for the next build
  std::string summary;       // CompiledFile::summary
};

// kInvalidArgument where the file is at fault, with the parser's words and the node; kCancelled
// where the listener said so; kResourceExhausted where memory was out. Messages do not name the
// file.
[[nodiscard]] Result<BuiltEngine> build_engine(const BuildOrder& order);

}  // namespace muster::tensorrt
