// SPDX-License-Identifier: Apache-2.0
// Connections: many connections to one server, driven by one thread and one epoll. What every load
// is made of. Failures are exceptions.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/clients/socket.h"
#include "bench/clients/wire.h"

namespace muster::bench {

class Connections {
 public:
  using MakeWire = std::function<std::unique_ptr<Wire>()>;
  using OnAnswer = std::function<void(int connection, const Answer&)>;

  Connections(const Address& address, int count, const MakeWire& make_wire);
  Connections(const Connections&) = delete;
  Connections& operator=(const Connections&) = delete;

  // Sends at once, or from within `wait` with whatever else goes to that connection.
  void ask(int connection, int slot, std::string_view request);
  // Waits for something to come, at most that long, and hands out all answers that came. Throws
  // where nothing comes for a very long time and no `limit` was given.
  void wait(std::optional<std::chrono::nanoseconds> limit, const OnAnswer& on_answer);

 private:
  struct Connection {
    Socket socket;
    std::unique_ptr<Wire> wire;
    std::string out;
  };

  void send(Connection& connection) const;
  void receive(int number, const OnAnswer& on_answer);

  Socket epoll_;
  std::vector<Connection> connections_;
  int receiving_ = -1;  // this one sends when all of what came is handed out
};

}  // namespace muster::bench
