// SPDX-License-Identifier: Apache-2.0
#include "frontend/grpc/services/load_method.h"

#include <utility>

#include "frontend/grpc/services/deferred_method.h"
#include "open_inference.pb.h"
#include "protocol/control_messages.h"

namespace muster {
namespace {

struct LoadMethod {
  using Request = ::inference::RepositoryModelLoadRequest;
  using Reply = ::inference::RepositoryModelLoadResponse;

  static Status begin(const FrontServices& services, const Request& request,
                      ModelControl::Done done) {
    MUSTER_ASSIGN_OR_RETURN(LoadQuery query, load_query(request, services.limits.protocol));
    services.models.load(request.model_name(), std::move(query.config_json), std::move(done));
    return {};
  }
};

}  // namespace

GrpcMethod load_method() {
  return deferred_method<LoadMethod>("/inference.GRPCInferenceService/RepositoryModelLoad",
                                     Right::kAdmin);
}

}  // namespace muster
