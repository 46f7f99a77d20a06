// SPDX-License-Identifier: Apache-2.0
// GrpcFrontend: the Open Inference Protocol over gRPC, with health and reflection, over TCP, TLS
// and Unix-domain sockets. Call order: start (stop_accepting drain | drain)? and the destructor.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "frontend/front_services.h"

namespace muster {

struct GrpcListener {
  std::string address = "127.0.0.1";  // an IP address, or for a Unix-domain socket its path
  bool unix_socket = false;
  std::uint16_t port = 0;  // 0 = any free one
  TlsFiles tls = {};
};

struct GrpcOptions {
  std::vector<GrpcListener> listeners;
  std::size_t threads = 1;  // transport threads
};

class GrpcFrontend {
 public:
  // Listens when it returns; errors name address and port. `services` outlives what is returned.
  [[nodiscard]] static Result<std::unique_ptr<GrpcFrontend>> start(const FrontServices& services,
                                                                   const GrpcOptions& options);
  GrpcFrontend(const GrpcFrontend&) = delete;
  GrpcFrontend& operator=(const GrpcFrontend&) = delete;
  // Breaks off what is open; answers that are still to come are dropped.
  ~GrpcFrontend();

  // The port of each listener, in their order; 0 for Unix-domain sockets.
  [[nodiscard]] std::vector<std::uint16_t> ports() const;
  // No new calls: they are answered UNAVAILABLE; health says NOT_SERVING.
  void stop_accepting();
  // Returns when every call that was read is answered, or `limit` has passed (false).
  [[nodiscard]] bool drain(std::chrono::milliseconds limit);

 private:
  class Parts;
  explicit GrpcFrontend(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace muster
