// SPDX-License-Identifier: Apache-2.0
// Listener: a listening socket, whose connections go to the transport threads in turn.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/front_services.h"
#include "frontend/socket_address.h"
#include "frontend/transport/event_loop.h"
#include "frontend/transport/tls_context.h"
#include "frontend/transport/transport_loop.h"

namespace muster {

// What a connection is told of the listener that it came through. Outlives it.
struct ListenerFacts {
  bool is_loopback = true;
  int kind = 0;  // what the front end said of it
  TlsContext* tls = nullptr;
  std::atomic<std::size_t> open{0};    // connections
  std::atomic<std::size_t> coming{0};  // accepted ones, on their way to their thread
};

// Who serves what was accepted: one for each transport thread.
class Host {
 public:
  [[nodiscard]] virtual TransportLoop& loop() noexcept = 0;
  // On the thread of the loop. An accepted socket does not block.
  virtual void admit(ListenerFacts& listener, Descriptor accepted) = 0;

 protected:
  ~Host() = default;
};

class Listener final : private EventSource {
 public:
  struct Options {
    std::string_view front_end;  // "HTTP", for errors and the log; as long as the program
    std::string address;         // an IP address, or for a Unix-domain socket its path
    bool unix_socket = false;
    std::uint16_t port = 0;  // 0 = any free one
    TlsFiles tls = {};
    const char* protocol = nullptr;  // of TLS, see make_tls_context
    int kind = 0;
    std::string busy_reply = {};  // to those who are too many; none over TLS
  };
  // Listens when it returns; accepts when started.
  [[nodiscard]] static Result<std::unique_ptr<Listener>> open(Options options);
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  // All threads have ended.
  ~Listener();

  [[nodiscard]] std::uint16_t port() const noexcept { return socket_.port(); }
  // Any thread. Accepts on the first of `hosts`, which outlive this.
  void start(std::vector<Host*> hosts, std::size_t max_connections, TransportMetrics& metrics);
  // On the first thread: takes those that have connected already, and then as `stop`.
  void finish() noexcept;
  // On the first thread, or after its end: no more connections, and the socket is closed and
  // its file, if it has one, removed.
  void stop() noexcept;

 private:
  Listener(Options options, ListeningSocket socket, TlsContextOwner tls);
  [[nodiscard]] TransportLoop& loop() noexcept { return hosts_.front()->loop(); }
  void wait();
  // Where there are no descriptors left, or no memory: for about a tenth of a second.
  void pause() noexcept;
  void ready(std::uint32_t events) noexcept override;
  // The system's error, or 0.
  [[nodiscard]] int accept_one();
  void take(Descriptor accepted);
  void refuse(const Descriptor& accepted) noexcept;
  void admit(Host& host, Descriptor accepted) noexcept;

  const Options options_;
  ListeningSocket socket_;
  TlsContextOwner tls_;
  ListenerFacts facts_;
  std::vector<Host*> hosts_;
  std::size_t max_connections_ = 0;
  TransportMetrics* metrics_ = nullptr;
  std::size_t next_host_ = 0;
  bool waiting_ = false;  // for connections, with the first thread's loop
  bool is_told_ = false;  // the log, that none can be accepted
};

}  // namespace muster
