// SPDX-License-Identifier: Apache-2.0
// Acceptor: takes gRPC's connections, hands them to gRPC, and notices when they end.
//
// gRPC would accept by itself, but without a limit, without telling, and with a filter for
// authentication in the way of every call. The acceptor has a thread of its own: those of the
// completion queues sleep inside of gRPC, which wakes them for nothing but calls, and while they
// work nobody could connect.
//
// It keeps a duplicate of each connection's descriptor, so that it can look at the socket and end
// it while gRPC may close its own at any time. gRPC shuts a socket down before it closes it,
// whatever the reason is; that is what is looked for, a few times a second and for all connections
// in one system call. Nothing is done for a call.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <thread>
#include <vector>

#include <poll.h>

#include "base/clock.h"
#include "frontend/front_services.h"
#include "frontend/grpc/peer_addresses.h"
#include "frontend/socket_address.h"

namespace muster {

// Order: constructor, start, stop, destructor; the gRPC server ends between the last two.
class Acceptor {
 public:
  struct Listener {
    ListeningSocket socket;
    // Takes the descriptor over. On the acceptor's thread.
    std::function<void(int)> hand_over = {};
    // Whether gRPC leaves it to us to end a connection over which no HTTP/2 begins.
    bool limits_greeting = false;
  };

  // All of it outlives the acceptor. Who is behind a descriptor is in `peers` before it is handed
  // over.
  Acceptor(const FrontServices& services, PeerAddresses& peers) noexcept
      : services_(services), peers_(peers) {}
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;
  // What is open counts as closed now. The files of Unix-domain sockets go.
  ~Acceptor();

  // Before `start`. Clients can connect already and wait.
  void add(Listener listener);
  [[nodiscard]] Status start();
  // Nobody can connect any more. Connections stay.
  void stop() noexcept;

 private:
  struct Connection {
    Descriptor socket;
    std::size_t listener;
    TimePoint accepted_at;
    bool has_greeted;  // or need not be asked
  };
  struct Entry {
    Listener listener;
    std::size_t open = 0;
  };

  void run();
  void accept_from(std::size_t listener) noexcept;
  // Both: whether another may be tried at once.
  [[nodiscard]] bool accept_one(Entry& entry, std::size_t listener);
  [[nodiscard]] bool goes_on_after(int error);
  [[nodiscard]] int duplicate(int descriptor) noexcept;
  void look_at_connections() noexcept;
  [[nodiscard]] bool is_over(Connection& connection, int events) const noexcept;
  [[nodiscard]] TransportMetrics& metrics() const noexcept { return services_.metrics.grpc; }

  const FrontServices& services_;
  PeerAddresses& peers_;
  Descriptor wake_;  // readable: stop
  std::vector<Entry> listeners_;
  // The thread's own until `stop`.
  std::vector<Connection> connections_;
  std::vector<pollfd> looks_;  // room for one a connection
  TimePoint looked_at_{};
  bool has_looked_ = false;  // in this round
  bool is_short_ = false;    // of descriptors or memory
  bool is_told_ = false;     // which the log has been told
  int next_number_ = 0;
  std::thread thread_;
};

}  // namespace muster
