// SPDX-License-Identifier: Apache-2.0
#include "backends/scripted/scripted_backend.h"

extern "C" __attribute__((visibility("default"))) muster::Backend* muster_create_backend_v7(
    const muster::BackendSettings&) {
  return std::make_unique<muster::scripted::ScriptedBackend>().release();
}
