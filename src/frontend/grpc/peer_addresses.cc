// SPDX-License-Identifier: Apache-2.0
#include "frontend/grpc/peer_addresses.h"

#include <charconv>
#include <utility>

namespace muster {

void PeerAddresses::set(int number, std::string address) {
  const MutexLock lock(mutex_);
  addresses_.insert_or_assign(number, std::move(address));
}

std::string PeerAddresses::of(std::string_view peer) const {
  if (peer.starts_with("unix")) return "unix:";
  const std::string_view behind_scheme = peer.substr(peer.find(':') + 1);
  if (peer.starts_with("fd:")) {
    int number = -1;
    std::from_chars(behind_scheme.data(), behind_scheme.data() + behind_scheme.size(), number);
    const MutexLock lock(mutex_);
    const auto found = addresses_.find(number);
    return found != addresses_.end() ? found->second : std::string();
  }
  std::string address;
  for (std::size_t place = 0; place < behind_scheme.size(); ++place) {
    const std::string_view rest = behind_scheme.substr(place);
    if (rest.starts_with("%5B") || rest.starts_with("%5D")) {
      address += rest[2] == 'B' ? '[' : ']';
      place += 2;
    } else {
      address += rest.front();
    }
  }
  return address;
}

}  // namespace muster
