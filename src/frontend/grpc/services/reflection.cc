// SPDX-License-Identifier: Apache-2.0
#include "frontend/grpc/services/reflection.h"

#include <array>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>

#include "base/text.h"
#include "frontend/grpc/calls/call_limits.h"
#include "frontend/grpc/calls/generic_call.h"
#include "grpc_reflection_v1.pb.h"
#include "grpc_reflection_v1alpha.pb.h"

namespace muster {
namespace {

namespace v1 = ::grpc::reflection::v1;
namespace pb = ::google::protobuf;

constexpr std::array kServices = {"inference.GRPCInferenceService", "grpc.health.v1.Health",
                                  "grpc.reflection.v1.ServerReflection",
                                  "grpc.reflection.v1alpha.ServerReflection"};

void refuse(StatusCode code, std::string message, v1::ServerReflectionResponse& reply) {
  reply.mutable_error_response()->set_error_code(static_cast<int>(code));
  reply.mutable_error_response()->set_error_message(std::move(message));
}

// `file` and those that it imports.
void add_files(const pb::FileDescriptor& file, std::set<const pb::FileDescriptor*>& added,
               v1::FileDescriptorResponse& reply) {
  if (!added.insert(&file).second) return;
  pb::FileDescriptorProto described;
  file.CopyTo(&described);
  described.SerializeToString(reply.add_file_descriptor_proto());
  for (int index = 0; index < file.dependency_count(); ++index)
    add_files(*file.dependency(index), added, reply);
}

void give_file(const pb::FileDescriptor* file, const std::string& wanted,
               v1::ServerReflectionResponse& reply) {
  if (file == nullptr)
    return refuse(StatusCode::kNotFound, "there is no " + printable(wanted), reply);
  std::set<const pb::FileDescriptor*> added;
  add_files(*file, added, *reply.mutable_file_descriptor_response());
}

void answer(const v1::ServerReflectionRequest& request, v1::ServerReflectionResponse& reply) {
  reply.set_valid_host(request.host());
  *reply.mutable_original_request() = request;
  const pb::DescriptorPool& pool = *pb::DescriptorPool::generated_pool();
  switch (request.message_request_case()) {
    case v1::ServerReflectionRequest::kListServices:
      for (const char* service : kServices)
        reply.mutable_list_services_response()->add_service()->set_name(service);
      return;
    case v1::ServerReflectionRequest::kFileByFilename:
      return give_file(pool.FindFileByName(request.file_by_filename()), request.file_by_filename(),
                       reply);
    case v1::ServerReflectionRequest::kFileContainingSymbol:
      return give_file(pool.FindFileContainingSymbol(request.file_containing_symbol()),
                       request.file_containing_symbol(), reply);
    case v1::ServerReflectionRequest::kAllExtensionNumbersOfType:
      if (pool.FindMessageTypeByName(request.all_extension_numbers_of_type()) == nullptr)
        return give_file(nullptr, request.all_extension_numbers_of_type(), reply);
      reply.mutable_all_extension_numbers_response()->set_base_type_name(
          request.all_extension_numbers_of_type());
      return;
    case v1::ServerReflectionRequest::kFileContainingExtension:
      return refuse(StatusCode::kNotFound, "there are no extensions", reply);
    default:
      return refuse(StatusCode::kInvalidArgument, "nothing is asked for", reply);
  }
}

// Question by question. The messages of v1alpha are those of v1, byte for byte.
class ReflectionConversation final : public Conversation {
 public:
  explicit ReflectionConversation(GenericCall& call) noexcept : call_(call) {}

  void message(const ReceivedMessage& received) override {
    v1::ServerReflectionRequest request;
    Status status = call_.parse(received, request);
    v1::ServerReflectionResponse reply;
    MessageBytes answered = call_.new_frame();
    if (status.ok()) {
      answer(request, reply);
      status = call_.frame(reply, answered);
    }
    if (!status.ok()) return call_.finish(grpc_status(status));
    call_.write(std::move(answered));
  }
  void half_closed() override { call_.finish({}); }
  void written() override { call_.read(); }
  void cancelled() override { call_.finish(cancelled_status()); }
  void stop() override { call_.finish(server_stops()); }

 private:
  GenericCall& call_;
};

GrpcMethod method(std::string_view path) {
  return {.path = path,
          .right = Right::kInfer,
          .begin = [](GenericCall& call) -> std::unique_ptr<Conversation> {
            return std::make_unique<ReflectionConversation>(call);
          },
          .asks_once = false};
}

}  // namespace

std::array<GrpcMethod, 2> reflection_methods() {
  // Linked for the descriptors it registers.
  pb::LinkMessageReflection<::grpc::reflection::v1alpha::ServerReflectionRequest>();
  return {method("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"),
          method("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")};
}

}  // namespace muster
