// SPDX-License-Identifier: Apache-2.0
#include "backends/openvino/backend.h"
#include "base/log.h"

extern "C" __attribute__((visibility("default"))) muster::Backend* muster_create_backend_v3() {
  muster::Result<std::unique_ptr<muster::Backend>> backend = muster::openvino::create_backend();
  if (backend.ok()) return std::move(backend).value().release();
  muster::log(muster::LogLevel::kError, backend.status().to_string());
  return nullptr;
}
