// SPDX-License-Identifier: Apache-2.0
// SocketPair: both ends of a connection.
#pragma once

#include <array>
#include <string>

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "base/descriptor.h"

namespace muster {

class SocketPair {
 public:
  SocketPair() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    near = Descriptor(ends[0]);
    far = Descriptor(ends[1]);
  }
  // What has come to the far end.
  [[nodiscard]] std::string received() const {
    std::string text;
    std::array<char, 65536> part{};
    while (true) {
      const ssize_t got = ::recv(far.get(), part.data(), part.size(), MSG_DONTWAIT);
      if (got <= 0) return text;
      text.append(part.data(), static_cast<std::size_t>(got));
    }
  }

  Descriptor near;
  Descriptor far;
};

}  // namespace muster
