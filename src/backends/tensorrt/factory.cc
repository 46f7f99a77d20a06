// SPDX-License-Identifier: Apache-2.0
#include "backends/tensorrt/backend.h"
#include "base/log.h"

extern "C" __attribute__((visibility("default"))) muster::Backend* muster_create_backend_v7(
    const muster::BackendSettings& settings) {
  muster::Result<std::unique_ptr<muster::Backend>> backend =
      muster::tensorrt::create_backend(settings);
  if (backend.ok()) return std::move(backend).value().release();
  muster::log(muster::LogLevel::kError, backend.status().to_string());
  return nullptr;
}
