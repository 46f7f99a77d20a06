// SPDX-License-Identifier: Apache-2.0
#include "frontend/grpc/peer_addresses.h"

#include <gtest/gtest.h>

namespace muster {
namespace {

TEST(PeerAddressesTest, knows_a_descriptor_by_the_last_connection_that_had_its_number) {
  PeerAddresses peers;
  EXPECT_EQ(peers.of("fd:12"), "");
  peers.set(12, "127.0.0.1:4711");
  peers.set(13, "[::1]:4712");
  EXPECT_EQ(peers.of("fd:12"), "127.0.0.1:4711");
  EXPECT_EQ(peers.of("fd:13"), "[::1]:4712");
  peers.set(12, "127.0.0.1:4713");
  EXPECT_EQ(peers.of("fd:12"), "127.0.0.1:4713");
  EXPECT_EQ(peers.of("fd:1"), "");
  EXPECT_EQ(peers.of("fd:"), "");
}

TEST(PeerAddressesTest, reads_the_names_that_grpc_gives_by_itself) {
  const PeerAddresses peers;
  EXPECT_EQ(peers.of("ipv4:127.0.0.1:4711"), "127.0.0.1:4711");
  EXPECT_EQ(peers.of("ipv6:%5B::1%5D:4711"), "[::1]:4711");
  EXPECT_EQ(peers.of("unix:/run/muster.sock"), "unix:");
  EXPECT_EQ(peers.of("unix:"), "unix:");
  EXPECT_EQ(peers.of(""), "");
}

}  // namespace
}  // namespace muster
