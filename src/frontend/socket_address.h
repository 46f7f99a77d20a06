// SPDX-License-Identifier: Apache-2.0
// Socket addresses: listening sockets by address, and peers as text.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include <muster/status.h>

#include "base/descriptor.h"

namespace muster {

// A socket that listens and does not block. Errors name where, what failed and the system's reason.
class ListeningSocket {
 public:
  // `address` is an IP address, with or without the brackets of IPv6. Port 0 is any free one.
  [[nodiscard]] static Result<ListeningSocket> on_address(const std::string& address,
                                                          std::uint16_t port);
  // Only this user can connect: the file has mode 0600. One that is there is replaced if it is a
  // socket on which nobody listens.
  [[nodiscard]] static Result<ListeningSocket> on_path(const std::string& path);
  ListeningSocket(ListeningSocket&& other) noexcept
      : descriptor_(std::move(other.descriptor_)),
        family_(other.family_),
        port_(other.port_),
        is_loopback_(other.is_loopback_),
        path_(std::exchange(other.path_, {})),
        file_device_(other.file_device_),
        file_number_(other.file_number_) {}
  ~ListeningSocket() { close(); }

  [[nodiscard]] int descriptor() const noexcept { return descriptor_.get(); }  // -1: not any more
  [[nodiscard]] int family() const noexcept { return family_; }
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }  // 0: a Unix-domain socket
  [[nodiscard]] bool is_loopback() const noexcept { return is_loopback_; }
  // Nobody can connect any more. Removes the file of a Unix-domain socket, if it is still the one
  // that was made here: now and not later, when another server may have put its own there.
  void close() noexcept;

 private:
  ListeningSocket(Descriptor descriptor, int family) noexcept
      : descriptor_(std::move(descriptor)), family_(family) {}

  Descriptor descriptor_;
  int family_;
  std::uint16_t port_ = 0;
  bool is_loopback_ = true;
  std::string path_;  // "": no file
  std::uint64_t file_device_ = 0;
  std::uint64_t file_number_ = 0;
};

// "127.0.0.1:4711", "[::1]:4711", "unix:", or "" where the client has gone.
[[nodiscard]] std::string peer_text(int descriptor);

}  // namespace muster
