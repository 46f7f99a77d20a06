// SPDX-License-Identifier: Apache-2.0
// TinyServer: answers HTTP requests on a Unix-domain socket as a test says, on a thread of its own.
#pragma once

#include <array>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "base/temporary_folder.h"
#include "client/server_address.h"

namespace muster {

class TinyServer {
 public:
  struct Reply {
    std::string bytes;    // "" = none
    bool closes = false;  // the connection, behind it
  };
  // On the server's thread: whole requests, in the order in which they came.
  using Script = std::function<Reply(const std::string& request)>;

  explicit TinyServer(Script script) : script_(std::move(script)) {
    listening_ = Descriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path().c_str(), sizeof(address.sun_path) - 1);
    EXPECT_EQ(::bind(listening_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_EQ(::listen(listening_.get(), 64), 0);
    thread_ = std::thread([this] { run(); });
  }
  ~TinyServer() { stop(); }
  TinyServer(const TinyServer&) = delete;
  TinyServer& operator=(const TinyServer&) = delete;

  [[nodiscard]] ServerAddress address(Transport transport = Transport::kHttp) const {
    return {transport, "", 0, path()};
  }
  [[nodiscard]] int connections() const { return connected_; }
  // Nobody listens any more, and every connection is closed.
  void stop() {
    if (!thread_.joinable()) return;
    const std::uint64_t one = 1;
    EXPECT_EQ(::write(over_.get(), &one, sizeof(one)), ssize_t{sizeof(one)});
    thread_.join();
    listening_.close();
    std::filesystem::remove(path());
  }

 private:
  struct Connection {
    Descriptor socket;
    std::string received;
  };
  [[nodiscard]] std::string path() const { return folder_.path() / "socket"; }

  void run() {
    std::vector<Connection> connections;
    while (true) {
      std::vector<pollfd> ready{{over_.get(), POLLIN, 0}, {listening_.get(), POLLIN, 0}};
      for (const Connection& connection : connections)
        ready.push_back({connection.socket.get(), POLLIN, 0});
      ::poll(ready.data(), ready.size(), -1);
      if (ready[0].revents != 0) return;
      for (std::size_t i = 0; i < connections.size(); ++i) {
        if (ready[i + 2].revents != 0) serve(connections[i]);
      }
      std::erase_if(connections, [](const Connection& each) { return !each.socket.is_open(); });
      if (ready[1].revents != 0) {
        connections.push_back({Descriptor(::accept(listening_.get(), nullptr, nullptr)), {}});
        ++connected_;
      }
    }
  }

  void serve(Connection& connection) {
    std::array<char, 65536> part{};
    const ssize_t got = ::recv(connection.socket.get(), part.data(), part.size(), 0);
    if (got <= 0) return connection.socket.close();
    connection.received.append(part.data(), static_cast<std::size_t>(got));
    const std::size_t head = connection.received.find("\r\n\r\n");
    if (head == std::string::npos) return;
    const std::size_t field = connection.received.find("Content-Length: ");
    const std::size_t length =
        field < head ? std::strtoul(connection.received.c_str() + field + 16, nullptr, 10) : 0;
    if (connection.received.size() < head + 4 + length) return;
    const Reply reply = script_(std::exchange(connection.received, {}));
    if (!reply.bytes.empty())
      ::send(connection.socket.get(), reply.bytes.data(), reply.bytes.size(), MSG_NOSIGNAL);
    if (reply.closes) connection.socket.close();
  }

  const Script script_;
  const TemporaryFolder folder_ = TemporaryFolder::make("muster-client").value();
  Descriptor listening_;
  Descriptor over_{::eventfd(0, EFD_CLOEXEC)};
  std::atomic<int> connected_{0};
  std::thread thread_;
};

// A whole answer with this body.
[[nodiscard]] inline std::string http_answer(int status, const std::string& body) {
  return "HTTP/1.1 " + std::to_string(status) +
         " Word\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

}  // namespace muster
