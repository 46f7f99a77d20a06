// SPDX-License-Identifier: Apache-2.0
#include "backends/openvino/backend.h"
#include "inference/testing/loaded_model.h"

namespace muster {

std::unique_ptr<Backend> backend_under_test(Clock& clock) {
  return openvino::create_backend({}, clock).value();
}

}  // namespace muster
