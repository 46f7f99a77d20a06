// SPDX-License-Identifier: Apache-2.0
#include "bench/clients/connections.h"

#include <array>
#include <cerrno>
#include <stdexcept>

#include <sys/epoll.h>
#include <sys/socket.h>

namespace muster::bench {
namespace {

constexpr std::chrono::seconds kPatience{20};

}  // namespace

Connections::Connections(const Address& address, int count, const MakeWire& make_wire)
    : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  connections_.reserve(static_cast<std::size_t>(count));
  for (int number = 0; number < count; ++number) {
    Connection& connection =
        connections_.emplace_back(Connection{connect_to(address), make_wire(), {}});
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u32 = static_cast<std::uint32_t>(number);
    if (::epoll_ctl(epoll_.fd(), EPOLL_CTL_ADD, connection.socket.fd(), &event) != 0)
      throw std::runtime_error("epoll_ctl");
    connection.wire->greet(connection.out);
    send(connection);
  }
}

void Connections::ask(int connection, int slot, std::string_view request) {
  Connection& asked = connections_[static_cast<std::size_t>(connection)];
  asked.wire->ask(slot, request, asked.out);
  if (connection != receiving_) send(asked);
}

void Connections::wait(std::optional<std::chrono::nanoseconds> limit, const OnAnswer& on_answer) {
  std::array<epoll_event, 256> events{};
  const std::chrono::nanoseconds time = limit.value_or(kPatience);
  const timespec timeout{time.count() / 1'000'000'000, time.count() % 1'000'000'000};
  const int count = ::epoll_pwait2(epoll_.fd(), events.data(), events.size(), &timeout, nullptr);
  if (count < 0 && errno != EINTR) throw std::runtime_error("epoll_pwait2");
  if (count == 0 && !limit) throw std::runtime_error("the server does not answer any more");
  for (int i = 0; i < count; ++i)
    receive(static_cast<int>(events[static_cast<std::size_t>(i)].data.u32), on_answer);
}

// Blocks where the server does not read; it never waits for us to read first.
void Connections::send(Connection& connection) const {
  std::string_view rest = connection.out;
  while (!rest.empty()) {
    const ssize_t sent = ::send(connection.socket.fd(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent <= 0) throw std::runtime_error("the server closed a connection");
    rest.remove_prefix(static_cast<std::size_t>(sent));
  }
  connection.out.clear();
}

void Connections::receive(int number, const OnAnswer& on_answer) {
  Connection& connection = connections_[static_cast<std::size_t>(number)];
  std::array<char, 16384> part;  // NOLINT: written by recv
  const ssize_t got = ::recv(connection.socket.fd(), part.data(), part.size(), 0);
  if (got <= 0) throw std::runtime_error("the server closed a connection");
  receiving_ = number;
  connection.wire->take({part.data(), static_cast<std::size_t>(got)}, connection.out,
                        [&](const Answer& answer) { on_answer(number, answer); });
  receiving_ = -1;
  send(connection);
}

}  // namespace muster::bench
