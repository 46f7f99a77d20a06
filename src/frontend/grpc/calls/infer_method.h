// SPDX-License-Identifier: Apache-2.0
// InferMethod: ModelInfer as gRPC knows it, the one method that is registered by name. Its messages
// come as bytes, read by gRPC before the call arrives. All other methods come through the generic
// service, which costs a few more steps for each call (docs/adr/0017).
#pragma once

#include <grpcpp/impl/rpc_method.h>
#include <grpcpp/impl/rpc_service_method.h>
#include <grpcpp/impl/service_type.h>

#include "frontend/access_policy.h"

namespace muster {

inline constexpr Right kModelInferRight = Right::kInfer;
inline constexpr char kModelInferPath[] = "/inference.GRPCInferenceService/ModelInfer";

class InferMethod final : public grpc::Service {
 public:
  InferMethod() {
    AddMethod(method_);  // which is the service's from now on
    MarkMethodRaw(0);
  }

  // gRPC's name for the method, once a server that it was registered with has been built.
  [[nodiscard]] void* name_in_core() const { return method_->server_tag(); }

 private:
  grpc::internal::RpcServiceMethod* const method_ = new grpc::internal::RpcServiceMethod(
      kModelInferPath, grpc::internal::RpcMethod::NORMAL_RPC, nullptr);
};

}  // namespace muster
