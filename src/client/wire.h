// SPDX-License-Identifier: Apache-2.0
// Wire: the client's side of a protocol on one connection, made cheap: requests are bytes that were
// put together before, of an answer no more is read than where it ends and what became of it.
//
// What a server sends is hostile: everything it can make a wire hold is bounded, and whatever is no
// answer ends the connection. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <muster/status.h>

#include "client/outbox.h"

namespace muster {

enum class Outcome : std::uint8_t {
  kAnswered,
  kRefused,  // come again later: HTTP 503 and 429, gRPC UNAVAILABLE and RESOURCE_EXHAUSTED
  kFailed,   // any other, and what never came
};

struct Answer {
  int slot = 0;  // of the requests that may be in flight
  Outcome outcome = Outcome::kFailed;
  // Until the call returns. HTTP: the body. gRPC: the message of what was answered, else what the
  // server says of the failure. Where nothing came: why.
  std::string_view body;
  int code = 0;  // HTTP's status or gRPC's; 0 where nothing came
  // HTTP: of the JSON that binary tensors follow in the body (Inference-Header-Content-Length).
  std::optional<std::size_t> header_bytes = {};
};

class AnswerListener {
 public:
  virtual ~AnswerListener() = default;
  // The slot is free, and may be asked from within.
  virtual void answered(const Answer& answer) = 0;
};

struct WireLimits {
  std::size_t max_head_bytes = std::size_t{1} << 16;   // of a reply
  std::size_t max_reply_bytes = std::size_t{1} << 28;  // its body
};

class Wire {
 public:
  virtual ~Wire() = default;
  // What a client sends before its first request.
  virtual void greet(Outbox& out) = 0;
  // `request` stays as it is until it is answered. The slot must be free.
  virtual void ask(int slot, std::string_view request, Outbox& out) = 0;
  // Bytes that came. May put into `out` what the protocol wants back. An error ends the connection;
  // what was in flight is then not answered.
  [[nodiscard]] virtual Status take(std::string_view bytes, Outbox& out,
                                    AnswerListener& listener) = 0;
  // Nothing will come any more. HTTP/1.1 can end an answer so.
  [[nodiscard]] virtual Status end(AnswerListener& listener) = 0;
  // False: this connection takes no further requests, and closes when the last one is answered.
  [[nodiscard]] virtual bool reusable() const noexcept = 0;
};

// HTTP/1.1 with keep-alive; one slot. A request is its whole text.
[[nodiscard]] std::unique_ptr<Wire> make_http_wire(const WireLimits& limits = {});

struct GrpcCalls {
  std::string authority;     // as authority_of() has it
  std::string path;          // "/inference.GRPCInferenceService/ModelInfer"
  std::string bearer_token;  // "" = none
  int streams = 1;           // slots
};
// Unary gRPC over HTTP/2 without TLS, all calls of one method. A request is the message alone.
[[nodiscard]] std::unique_ptr<Wire> make_grpc_wire(GrpcCalls calls, const WireLimits& limits = {});

}  // namespace muster
