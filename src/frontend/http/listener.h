// SPDX-License-Identifier: Apache-2.0
// Listener: a listening socket, whose connections go to the transport threads in turn.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "frontend/http/connection.h"
#include "frontend/transport/event_loop.h"
#include "frontend/http/http_frontend.h"
#include "frontend/transport/tls_context.h"
#include "frontend/socket_address.h"

namespace muster {

class TransportThread;

class Listener final : private EventSource {
 public:
  // Listens when it returns; accepts when started.
  [[nodiscard]] static Result<std::unique_ptr<Listener>> open(const HttpListener& wanted);
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  // All threads have ended.
  ~Listener();

  [[nodiscard]] std::uint16_t port() const noexcept { return socket_.port(); }
  // Any thread. Accepts on the first of `threads`, which outlive this.
  void start(std::span<const std::unique_ptr<TransportThread>> threads);
  // On the first thread: takes those that have connected already, and then as `stop`.
  void finish() noexcept;
  // On the first thread, or after its end: no more connections, and the socket is closed and
  // its file, if it has one, removed.
  void stop() noexcept;

 private:
  Listener(const HttpListener& wanted, ListeningSocket socket, TlsContextOwner tls);
  void wait();
  // Where there are no descriptors left, or no memory: for about a tenth of a second.
  void pause() noexcept;
  void ready(std::uint32_t events) noexcept override;
  // The system's error, or 0.
  [[nodiscard]] int accept_one();
  void take(Descriptor accepted);
  void refuse(const Descriptor& accepted) noexcept;
  void admit(TransportThread& thread, Descriptor accepted) noexcept;

  ListeningSocket socket_;
  TlsContextOwner tls_;
  ListenerFacts facts_;
  std::vector<TransportThread*> threads_;
  std::size_t next_thread_ = 0;
  bool waiting_ = false;  // for connections, with the first thread's loop
  bool is_told_ = false;  // the log, that none can be accepted
};

}  // namespace muster
