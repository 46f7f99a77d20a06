// SPDX-License-Identifier: Apache-2.0
// InferMethod: ModelInfer as gRPC knows it, the one method that is registered by name. Its messages
// come as bytes, read by gRPC before the call arrives. All other methods come through the generic
// service, which costs a few more steps for each call (docs/adr/0017).
#pragma once

#include <grpcpp/completion_queue.h>
#include <grpcpp/impl/rpc_method.h>
#include <grpcpp/impl/rpc_service_method.h>
#include <grpcpp/impl/service_type.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/async_unary_call.h>
#include <grpcpp/support/byte_buffer.h>

namespace muster {

inline constexpr char kModelInferPath[] = "/inference.GRPCInferenceService/ModelInfer";

class InferMethod final : public grpc::Service {
 public:
  InferMethod() {
    AddMethod(new grpc::internal::RpcServiceMethod(kModelInferPath,
                                                   grpc::internal::RpcMethod::NORMAL_RPC, nullptr));
    MarkMethodRaw(0);
  }

  // As a generated service's RequestModelInfer.
  void request(grpc::ServerContext* context, grpc::ByteBuffer* message,
               grpc::ServerAsyncResponseWriter<grpc::ByteBuffer>* writer,
               grpc::ServerCompletionQueue* queue, void* tag) {
    RequestAsyncUnary(0, context, message, writer, queue, queue, tag);
  }
};

}  // namespace muster
