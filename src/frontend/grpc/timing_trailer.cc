// SPDX-License-Identifier: Apache-2.0
#include "frontend/grpc/timing_trailer.h"

#include "frontend/server_timing.h"

namespace muster {

void append_timing(const InferResponse& response, std::string& out) {
  append_server_timing(response.batch, response.model != nullptr ? response.model->version : 0,
                       out);
}

}  // namespace muster
