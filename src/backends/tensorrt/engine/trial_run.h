// SPDX-License-Identifier: Apache-2.0
// A run on zeros: the proof that an engine that was kept still runs here.
#pragma once

#include <muster/status.h>

#include "backends/tensorrt/device/device.h"
#include "backends/tensorrt/engine/engine.h"

namespace muster::tensorrt {

// One run of the smallest batch of the first profile, on memory of its own that is let go again.
// Blocks. Ok without a run where the engine takes inputs that say how large others are.
[[nodiscard]] Status try_on_zeros(Device& device, const Engine& engine);

}  // namespace muster::tensorrt
