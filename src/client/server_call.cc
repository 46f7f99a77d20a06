// SPDX-License-Identifier: Apache-2.0
#include "client/server_call.h"

#include <optional>
#include <utility>

#include "base/text.h"
#include "client/connections.h"
#include "client/model_replies.h"

namespace muster {
namespace {

class OneAnswer final : public AnswerListener {
 public:
  void answered(const Answer& answer) override {
    reply = ServerReply{answer.outcome, answer.code, std::string(answer.body), answer.header_bytes};
  }
  std::optional<ServerReply> reply;
};

Result<ServerReply> call(const ServerAccess& server, std::string_view grpc_method,
                         std::string_view request) {
  WireLimits limits;
  limits.max_reply_bytes = kMostReplyBytes;
  MUSTER_ASSIGN_OR_RETURN(
      Connections connection,
      Connections::open({server.address, [&] { return make_wire(server, grpc_method, 1, limits); },
                         1, 1, server.limit}));
  return ask_and_wait(connection, server, request);
}

}  // namespace

std::string http_request(const ServerAccess& server, std::string_view method, std::string_view path,
                         std::string_view body, std::size_t header_bytes) {
  std::string text(method);
  text += ' ';
  text += path;
  text += " HTTP/1.1\r\nHost: " + authority_of(server.address) +
          "\r\nUser-Agent: muster\r\nAccept: */*\r\n";
  if (!server.bearer_token.empty()) text += "Authorization: Bearer " + server.bearer_token + "\r\n";
  if (header_bytes > 0) {
    text += "Content-Type: application/octet-stream\r\nInference-Header-Content-Length: " +
            std::to_string(header_bytes) + "\r\n";
  } else if (!body.empty()) {
    text += "Content-Type: application/json\r\n";
  }
  text += "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n";
  text += body;
  return text;
}

std::unique_ptr<Wire> make_wire(const ServerAccess& server, std::string_view grpc_method,
                                int streams, const WireLimits& limits) {
  if (server.address.transport == Transport::kHttp) return make_http_wire(limits);
  return make_grpc_wire(
      {authority_of(server.address), "/inference.GRPCInferenceService/" + std::string(grpc_method),
       server.bearer_token, streams},
      limits);
}

Result<ServerReply> ask_and_wait(Connections& connection, const ServerAccess& server,
                                 std::string_view request) {
  const std::string url = printable(server_url(server.address), 4096);
  OneAnswer answer;
  connection.ask(0, request);
  const Clock::TimePoint until = add_saturating(steady_clock().now(), server.limit);
  while (!answer.reply) {
    const Clock::Duration left = until - steady_clock().now();
    if (left <= Clock::Duration{0})
      return Status(StatusCode::kDeadlineExceeded, url + " does not answer");
    MUSTER_RETURN_IF_ERROR(connection.wait(left, answer));
  }
  if (answer.reply->outcome == Outcome::kFailed && answer.reply->code == 0)
    return unavailable(url + ": " + printable(answer.reply->body, 1000));
  return *std::move(answer.reply);
}

Status refusal(const ServerAccess& server, std::string_view what, const ServerReply& reply) {
  const std::string_view kind = server.address.transport == Transport::kHttp ? "HTTP" : "gRPC";
  const std::string words = error_words(reply.body);
  return failed_precondition(std::string(what) + " (" + std::string(kind) + " status " +
                             std::to_string(reply.code) + ")" + (words.empty() ? "" : ": ") +
                             words);
}

Result<ServerReply> call_http(const ServerAccess& server, std::string_view method,
                              std::string_view path, std::string_view body) {
  return call(server, "", http_request(server, method, path, body));
}

Result<ServerReply> call_grpc(const ServerAccess& server, std::string_view method,
                              std::string_view message) {
  return call(server, method, message);
}

}  // namespace muster
