// SPDX-License-Identifier: Apache-2.0
// HttpFrontend: HTTP/1.1 for the Open Inference Protocol, pictures and metrics, over TCP, TLS and
// Unix-domain sockets. Call order: start (stop_accepting drain | drain)? and the destructor.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "frontend/front_services.h"

namespace muster {

struct HttpListener {
  enum class Kind : std::uint8_t {
    kInference,  // everything but the metrics page
    kMetrics,    // GET /metrics and health alone
  };
  Kind kind = Kind::kInference;
  std::string address = "127.0.0.1";  // an IP address, or for a Unix-domain socket its path
  bool unix_socket = false;
  std::uint16_t port = 0;  // 0 = any free one
  TlsFiles tls;
};

struct HttpOptions {
  std::vector<HttpListener> listeners;
  std::size_t threads = 1;  // transport threads
};

class HttpFrontend {
 public:
  // Listens when it returns; errors name address and port. `services` outlives what is returned.
  [[nodiscard]] static Result<std::unique_ptr<HttpFrontend>> start(const FrontServices& services,
                                                                   const HttpOptions& options);
  HttpFrontend(const HttpFrontend&) = delete;
  HttpFrontend& operator=(const HttpFrontend&) = delete;
  // Closes what is open; answers that are still to come are dropped.
  ~HttpFrontend();

  // The port of each listener, in their order; 0 for Unix-domain sockets.
  [[nodiscard]] std::vector<std::uint16_t> ports() const;
  // No new connections; idle ones are closed, the others after the reply under way ("Connection:
  // close").
  void stop_accepting();
  // Returns when every request that was read has its reply written, or `limit` has passed (false).
  [[nodiscard]] bool drain(std::chrono::milliseconds limit);

 private:
  class Parts;
  explicit HttpFrontend(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace muster
