// SPDX-License-Identifier: Apache-2.0
// Wire: the client's side of a protocol on one connection, made cheap: requests are bytes that were
// put together before, of an answer no more is looked at than where it ends and whether it is one.
// Failures are exceptions.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace muster::bench {

struct Answer {
  int slot = 0;           // which of the connection's requests in flight
  bool accepted = false;  // false: refused, with whatever code
  std::string_view body;  // until the call returns
};
using OnAnswer = std::function<void(const Answer&)>;

class Wire {
 public:
  virtual ~Wire() = default;
  // What a client sends before its first request.
  virtual void greet(std::string& out) = 0;
  // `request`: as the wire's own question_bytes made it. The slot must be free.
  virtual void ask(int slot, std::string_view request, std::string& out) = 0;
  // Bytes that came. May append to `out` what the protocol wants back.
  virtual void take(std::string_view bytes, std::string& out, const OnAnswer& on_answer) = 0;
};

// HTTP/1.1 with keep-alive; one slot. A request is the whole text.
[[nodiscard]] std::unique_ptr<Wire> make_http_wire();

// Unary gRPC over HTTP/2 without TLS, with `slots` streams at a time. A request is the message
// alone, at most kMaxGrpcMessage bytes.
inline constexpr std::size_t kMaxGrpcMessage = 16000;
[[nodiscard]] std::unique_ptr<Wire> make_grpc_wire(int slots);

}  // namespace muster::bench
