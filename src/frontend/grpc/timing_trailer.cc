// SPDX-License-Identifier: Apache-2.0
#include "frontend/grpc/timing_trailer.h"

#include "frontend/server_timing.h"

namespace muster {

std::string timing_of(const InferResponse& response) {
  std::string timing;
  timing.reserve(96);
  append_server_timing(response.batch, response.model != nullptr ? response.model->version : 0,
                       timing);
  return timing;
}

}  // namespace muster
