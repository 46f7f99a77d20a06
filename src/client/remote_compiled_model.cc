// SPDX-License-Identifier: Apache-2.0
#include "client/remote_compiled_model.h"

#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "client/connections.h"
#include "protocol/grpc/grpc_reply_decoder.h"
#include "protocol/http/http_reply_decoder.h"

namespace muster {
namespace {

// All that a session needs to know; outlives it.
struct Asked {
  ServerAccess server;
  RemoteModel model;
};

Result<InferResponse> decode_reply(const ServerAccess& server, const ServerReply& reply) {
  if (server.address.transport == Transport::kGrpc) return decode_grpc_reply(reply.body);
  return decode_http_reply(reply.body, reply.header_bytes);
}

class RemoteSession final : public Session {
 public:
  explicit RemoteSession(std::shared_ptr<const Asked> asked)
      : asked_(std::move(asked)), inputs_(signature().inputs.size()) {}

  Result<std::span<std::byte>> prepare_input(std::size_t index, const Shape& shape,
                                             std::size_t size) override {
    response_ = {};
    MUSTER_ASSIGN_OR_RETURN(inputs_[index],
                            Tensor::allocate(signature().inputs[index].type, shape, size));
    return inputs_[index].bytes();
  }

  Status run() override {
    std::vector<InferInput> named;
    for (std::size_t i = 0; i < inputs_.size(); ++i)
      named.push_back({signature().inputs[i].name, inputs_[i].view()});
    MUSTER_ASSIGN_OR_RETURN(const std::string request,
                            infer_request(asked_->server, asked_->model.name, named));
    MUSTER_ASSIGN_OR_RETURN(const ServerReply reply, ask(request));
    if (reply.outcome != Outcome::kAnswered)
      return refusal(asked_->server, "the server does not answer the batch", reply);
    auto response = decode_reply(asked_->server, reply);
    if (!response.ok()) return response.status().with_context("what the server answers");
    response_ = *std::move(response);
    return {};
  }

  Result<TensorView> output(std::size_t index) override {
    const std::string& name = signature().outputs[index].name;
    const Tensor* const tensor = response_.find(name);
    if (tensor == nullptr) {
      return failed_precondition("the server's answer has no output '" + printable(name) + "'");
    }
    return tensor->view();
  }

 private:
  [[nodiscard]] const ModelSignature& signature() const { return asked_->model.signature; }

  Result<ServerReply> ask(const std::string& request) {
    const ServerAccess& server = asked_->server;
    if (!connection_) {
      WireLimits limits;
      limits.max_reply_bytes = kMostBatchReplyBytes;
      const auto wire = [&server, limits] { return make_wire(server, "ModelInfer", 1, limits); };
      MUSTER_ASSIGN_OR_RETURN(connection_,
                              Connections::open({server.address, wire, 1, 1, server.limit}));
    }
    auto reply = ask_and_wait(*connection_, server, request);
    if (!reply.ok()) connection_.reset();
    return reply;
  }

  const std::shared_ptr<const Asked> asked_;
  std::vector<Tensor> inputs_;
  InferResponse response_;
  std::optional<Connections> connection_;
};

class RemoteCompiledModel final : public CompiledModel {
 public:
  RemoteCompiledModel(ServerAccess server, RemoteModel model)
      : asked_(std::make_shared<const Asked>(Asked{std::move(server), std::move(model)})) {}

  [[nodiscard]] const ModelSignature& signature() const override { return asked_->model.signature; }
  [[nodiscard]] Result<std::unique_ptr<Session>> new_session() const override {
    return std::unique_ptr<Session>(std::make_unique<RemoteSession>(asked_));
  }
  [[nodiscard]] bool sessions_are_thread_bound() const override { return false; }

 private:
  const std::shared_ptr<const Asked> asked_;
};

}  // namespace

std::shared_ptr<const CompiledModel> make_remote_compiled_model(ServerAccess server,
                                                                RemoteModel model) {
  return std::make_shared<RemoteCompiledModel>(std::move(server), std::move(model));
}

}  // namespace muster
