// SPDX-License-Identifier: Apache-2.0
// Connections: many connections to one server, driven by one thread and one epoll: what every load
// is made of.
//
// Requests in flight are numbered by slot: connection 0 has the first `slots_each` of them, and so
// on. A connection that ends fails what was in flight on it, and is made anew with its next
// request. Nothing is allocated for a request once the first ones are answered.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <muster/status.h>

#include "base/clock.h"
#include "base/descriptor.h"
#include "client/connect.h"
#include "client/outbox.h"
#include "client/server_address.h"
#include "client/wire.h"

namespace muster {

class Connections {
 public:
  static constexpr std::size_t kMostSlots = 65536;  // of all connections together
  static constexpr std::chrono::seconds kReconnectLimit{1};

  struct Setup {
    ServerAddress address;
    std::function<std::unique_ptr<Wire>()> make_wire;
    int connections = 1;
    int slots_each = 1;  // of the wires
    // For each address of the server. Where a connection is made anew, which all others wait for,
    // it is kReconnectLimit at most.
    Clock::Duration connect_limit = std::chrono::seconds(5);
  };

  // All connected. The server's name is looked up once, here. kResourceExhausted: more than there
  // may be; kUnavailable: see connect_to().
  [[nodiscard]] static Result<Connections> open(Setup setup);

  [[nodiscard]] int slots() const noexcept { return static_cast<int>(slots_.size()); }
  // Sends at once, or from within `wait` with whatever else goes to that connection. `request`
  // stays as it is until it is answered; the slot must be free. What fails is told by `wait`.
  void ask(int slot, std::string_view request);
  // Waits for something to come, at most that long, and hands out all answers that came. Errors are
  // those of the machine, not of the server.
  [[nodiscard]] Status wait(Clock::Duration limit, AnswerListener& listener);
  // Nothing will come for that request any more: its connection ends, and with it what else is in
  // flight there. The next `wait` tells.
  void abandon(int slot, std::string why);
  // Makes a `wait` that sleeps, or the next one, return. Any thread.
  void wake() const noexcept;
  // That were made anew so far.
  [[nodiscard]] std::uint64_t reconnects() const noexcept { return reconnects_; }

 private:
  struct Connection {
    Descriptor socket;
    std::unique_ptr<Wire> wire;
    Outbox out;
    bool waits_to_send = false;
    // For the connection that follows this one, which closes when all is answered.
    std::vector<std::pair<int, std::string_view>> deferred;
  };
  // kFailed: and nobody was told yet.
  enum class Slot : std::uint8_t { kFree, kInFlight, kDeferred, kFailed };
  struct Failure {
    int slot;
    std::string why;
  };
  class Handing;

  explicit Connections(Setup setup) : setup_(std::move(setup)) {}
  [[nodiscard]] Status start();
  [[nodiscard]] Status connect(int number, Clock::Duration limit);
  [[nodiscard]] bool in_use(int number) const noexcept;
  [[nodiscard]] Status watch(int number, bool is_new);
  void send(int number);
  // False: the server closed the connection, and no answer is missing.
  [[nodiscard]] Result<bool> receive(int number, AnswerListener& listener);
  void serve(int number, std::uint32_t events, AnswerListener& listener);
  void drop(int number, const std::string& why);
  void replace(int number);
  void hand_out_failures(AnswerListener& listener);
  [[nodiscard]] int sleep(Clock::Duration limit) const noexcept;

  Setup setup_;
  std::vector<SocketAddress> places_;  // of the server
  Descriptor epoll_;
  Descriptor wake_;
  std::vector<Connection> connections_;
  std::vector<Slot> slots_;
  std::vector<Failure> failures_;
  std::vector<char> bytes_;  // that are received
  std::uint64_t reconnects_ = 0;
  int receiving_ = -1;  // this one sends when all of what came is handed out
};

}  // namespace muster
