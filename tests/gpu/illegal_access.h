// SPDX-License-Identifier: Apache-2.0
// An illegal access by a kernel, in this process's own context of a GPU: nothing that runs there
// later succeeds. For tests of what follows; through the driver alone, which must be there.
#pragma once

namespace muster::gpu_providers {

// CUDA's error that the context has from then on: 700, or what kept it from being so.
[[nodiscard]] int access_illegally(int device);

}  // namespace muster::gpu_providers
