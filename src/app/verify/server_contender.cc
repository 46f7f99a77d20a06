// SPDX-License-Identifier: Apache-2.0
#include "app/verify/server_contender.h"

#include <utility>

#include "client/remote_compiled_model.h"
#include "comparing/signature_differences.h"

namespace muster {

Result<Contender> find_at_server(const VerifyServer& server, const ModelSignature& served,
                                 bool stacked, std::int64_t max_batch_size) {
  MUSTER_ASSIGN_OR_RETURN(RemoteModel model, find_remote_model(server.access, server.model));
  const std::string differences = signature_differences(served, model.signature);
  if (!differences.empty()) {
    return failed_precondition("the server's model '" + printable(model.name) +
                               "' is another: " + differences);
  }
  Contender contender;
  contender.stacked = stacked;
  contender.max_batch_size = max_batch_size;
  contender.model = make_remote_compiled_model(server.access, std::move(model));
  return contender;
}

}  // namespace muster
