// SPDX-License-Identifier: Apache-2.0
// A running server's model as one more contender.
#pragma once

#include <cstdint>
#include <string>

#include "app/subject/model_subject.h"
#include "client/server_call.h"

namespace muster {

struct VerifyServer {
  ServerAccess access;
  std::string model;  // its name there
};

// `served`: what the model is expected to have; `stacked`: its first axis counts rows;
// `max_batch_size`: of batches without a size of their own. Errors where nobody answers, where the
// model is not ready, or where its tensors are others: they name each that is.
[[nodiscard]] Result<Contender> find_at_server(const VerifyServer& server,
                                               const ModelSignature& served, bool stacked,
                                               std::int64_t max_batch_size);

}  // namespace muster
