// SPDX-License-Identifier: Apache-2.0
#include "backends/onnxruntime/backend.h"
#include "inference/testing/loaded_model.h"

namespace muster {

std::unique_ptr<Backend> backend_under_test(Clock& clock) {
  return onnxruntime::create_backend({}, clock).value();
}

}  // namespace muster
