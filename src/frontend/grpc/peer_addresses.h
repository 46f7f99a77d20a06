// SPDX-License-Identifier: Apache-2.0
// PeerAddresses: who is behind a connection, by the name that gRPC has for it. Where a connection
// is handed to gRPC as a descriptor, that name has nothing but the descriptor's number.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "base/mutex.h"

namespace muster {

// Any thread. Grows with the highest number that is set, see Acceptor.
class PeerAddresses {
 public:
  // From now on `number` is the connection from `address`. What was set for it before is forgotten.
  void set(int number, std::string address);
  // "127.0.0.1:4711", "[::1]:4711" or "unix:" for gRPC's "fd:12", "ipv4:127.0.0.1:4711",
  // "ipv6:%5B::1%5D:4711" or "unix:/path". "" where a number was never set.
  [[nodiscard]] std::string of(std::string_view peer) const;

 private:
  mutable Mutex mutex_;
  std::unordered_map<int, std::string> addresses_ MUSTER_GUARDED_BY(mutex_);
};

}  // namespace muster
