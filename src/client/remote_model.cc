// SPDX-License-Identifier: Apache-2.0
#include "client/remote_model.h"

#include <algorithm>
#include <limits>
#include <set>
#include <utility>

#include "base/text.h"
#include "client/model_replies.h"
#include "open_inference.pb.h"
#include "protocol/json/json_writer.h"

namespace muster {
namespace {

Status refused(const ServerAccess& server, std::string_view what, const ServerReply& reply) {
  return refusal(server, what, reply).with_context(printable(server_url(server.address), 4096));
}

// Of the protocol's messages, without their fields where they have none.
template <typename Message>
Result<ServerReply> call_with(const ServerAccess& server, std::string_view method,
                              const Message& message) {
  return call_grpc(server, method, message.SerializeAsString());
}

Result<ServerReply> ask_index(const ServerAccess& server) {
  if (server.address.transport == Transport::kHttp)
    return call_http(server, "POST", "/v2/repository/index", R"({"ready":true})");
  inference::RepositoryIndexRequest request;
  request.set_ready(true);
  return call_with(server, "RepositoryIndex", request);
}

Result<std::string> only_model(const ServerAccess& server) {
  MUSTER_ASSIGN_OR_RETURN(const ServerReply reply, ask_index(server));
  if (reply.outcome != Outcome::kAnswered)
    return refused(server, "the server tells no list of its models; name one with --model", reply);
  MUSTER_ASSIGN_OR_RETURN(const std::set<std::string> names,
                          server.address.transport == Transport::kHttp
                              ? ready_models_of_json(reply.body)
                              : ready_models_of_message(reply.body));
  if (names.size() == 1) return *names.begin();
  std::string list;
  for (const std::string& name : names)
    list += (list.empty() ? "" : ", ") + printable(name);
  const std::string url = printable(server_url(server.address), 4096);
  if (names.empty()) return failed_precondition(url + ": no model is ready there");
  return invalid_argument(
      url + " serves more than one model; name one with --model: " + printable(list, 1000));
}

Result<bool> is_ready(const ServerAccess& server, const std::string& name, ServerReply& reply) {
  if (server.address.transport == Transport::kHttp) {
    MUSTER_ASSIGN_OR_RETURN(reply, call_http(server, "GET", model_path(name) + "/ready"));
    return reply.outcome == Outcome::kAnswered;
  }
  inference::ModelReadyRequest request;
  request.set_name(name);
  MUSTER_ASSIGN_OR_RETURN(reply, call_with(server, "ModelReady", request));
  inference::ModelReadyResponse response;
  return reply.outcome == Outcome::kAnswered && response.ParseFromString(reply.body) &&
         response.ready();
}

Result<ServerReply> ask_metadata(const ServerAccess& server, const std::string& name) {
  if (server.address.transport == Transport::kHttp)
    return call_http(server, "GET", model_path(name));
  inference::ModelMetadataRequest request;
  request.set_name(name);
  return call_with(server, "ModelMetadata", request);
}

Result<ServerReply> ask_config(const ServerAccess& server, const std::string& name) {
  if (server.address.transport == Transport::kHttp)
    return call_http(server, "GET", model_path(name) + "/config");
  inference::ModelConfigRequest request;
  request.set_name(name);
  return call_with(server, "ModelConfig", request);
}

// The configuration is an extension of the protocol: what is not told is no failure.
std::optional<std::int64_t> ask_batch_size(const ServerAccess& server, const std::string& name) {
  const auto reply = ask_config(server, name);
  if (!reply.ok() || reply->outcome != Outcome::kAnswered) return std::nullopt;
  return server.address.transport == Transport::kHttp ? batch_size_of_json(reply->body)
                                                      : batch_size_of_message(reply->body);
}

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string http_infer_request(const ServerAccess& server, const std::string& model,
                               std::span<const InferInput> inputs, const RequestExtras& extras) {
  std::string body;
  JsonWriter json(body);
  json.begin_object();
  if (!extras.id.empty()) json.key("id").text(extras.id);
  json.key("parameters").begin_object();
  if (extras.timeout_us > 0) json.key("timeout").number(extras.timeout_us);
  json.key("binary_data_output").flag(true).end_object().key("inputs").begin_array();
  for (const InferInput& input : inputs) {
    json.begin_object().key("name").text(input.name).key("shape").begin_array();
    for (const std::int64_t dim : input.tensor.shape.dims())
      json.number(dim);
    json.end_array().key("datatype").text(data_type_name(input.tensor.type));
    json.key("parameters").begin_object().key("binary_data_size");
    json.number(input.tensor.bytes.size()).end_object().end_object();
  }
  json.end_array().end_object();
  const std::size_t header_bytes = body.size();
  for (const InferInput& input : inputs)
    body += as_text(input.tensor.bytes);
  return http_request(server, "POST", model_path(model) + "/infer", body, header_bytes);
}

Result<std::string> grpc_infer_request(const std::string& model, std::span<const InferInput> inputs,
                                       const RequestExtras& extras) {
  constexpr std::size_t kMostBytes = std::size_t{1} << 31;  // of a message of protobuf
  constexpr std::size_t kHeadBytes = std::size_t{1} << 20;
  std::size_t bytes = kHeadBytes;
  inference::ModelInferRequest request;
  request.set_model_name(model);
  request.set_id(extras.id);
  if (extras.timeout_us > 0)
    (*request.mutable_parameters())["timeout"].set_int64_param(extras.timeout_us);
  for (const InferInput& input : inputs) {
    bytes += input.tensor.bytes.size();
    if (bytes >= kMostBytes) return invalid_argument("gRPC's messages have less than 2 GiB");
    auto* const tensor = request.add_inputs();
    tensor->set_name(input.name);
    tensor->set_datatype(std::string(data_type_name(input.tensor.type)));
    for (const std::int64_t dim : input.tensor.shape.dims())
      tensor->add_shape(dim);
    request.add_raw_input_contents(std::string(as_text(input.tensor.bytes)));
  }
  return request.SerializeAsString();
}

}  // namespace

std::string model_path(std::string_view name) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string path = "/v2/models/";
  for (const char c : name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-._~").find(c) != std::string_view::npos;
    if (plain) {
      path += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      path += {'%', kDigits[byte >> 4U], kDigits[byte & 15U]};
    }
  }
  return path;
}

Result<RemoteModel> find_remote_model(const ServerAccess& server,
                                      std::optional<std::string_view> wanted) {
  std::string name;
  if (wanted) {
    name = *wanted;
  } else {
    MUSTER_ASSIGN_OR_RETURN(name, only_model(server));
  }
  ServerReply reply;
  MUSTER_ASSIGN_OR_RETURN(const bool ready, is_ready(server, name, reply));
  if (!ready) return refused(server, "model '" + printable(name) + "' is not ready", reply);
  MUSTER_ASSIGN_OR_RETURN(reply, ask_metadata(server, name));
  if (reply.outcome != Outcome::kAnswered)
    return refused(server, "the server does not describe model '" + printable(name) + "'", reply);
  auto model = server.address.transport == Transport::kHttp ? model_of_json(reply.body)
                                                            : model_of_message(reply.body);
  if (!model.ok())
    return model.status().with_context(printable(server_url(server.address), 4096) +
                                       ": what it says of model '" + printable(name) + "'");
  model->name = name;
  model->stacked = model->signature.has_batch_axis();
  if (model->stacked) model->stacked = ask_batch_size(server, name).value_or(1) > 0;
  return model;
}

Result<std::string> infer_request(const ServerAccess& server, const std::string& model,
                                  std::span<const InferInput> inputs, const RequestExtras& extras) {
  if (server.address.transport == Transport::kHttp)
    return http_infer_request(server, model, inputs, extras);
  return grpc_infer_request(model, inputs, extras);
}

}  // namespace muster
