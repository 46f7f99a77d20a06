// SPDX-License-Identifier: Apache-2.0
#include "load_generation/client_limit.h"

#include <gtest/gtest.h>

namespace muster {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// A second in which `answers` came after 10 ms each, and the client worked a tenth of it.
LoadMeasurement quiet(std::uint64_t answers) {
  LoadMeasurement measured;
  measured.elapsed = seconds(1);
  measured.client_cpu = milliseconds(100);
  for (std::uint64_t i = 0; i < answers; ++i) {
    measured.latency.record(milliseconds(10));
    measured.delay.record(std::chrono::microseconds(30));
  }
  return measured;
}

TEST(ClientLimits, are_none_where_the_server_was_measured) {
  EXPECT_TRUE(client_limits(quiet(1000), {0, 64}).empty());
  EXPECT_TRUE(client_limits(quiet(1000), {1000, 64}).empty());
  EXPECT_TRUE(client_limits({}, {1000, 64}).empty());
}

TEST(ClientLimits, name_a_client_without_a_pause) {
  LoadMeasurement measured = quiet(1000);
  measured.client_cpu = milliseconds(970);
  const auto limits = client_limits(measured, {0, 64});
  ASSERT_EQ(limits.size(), 1U);
  EXPECT_NE(limits[0].find("the client is the limit: its thread worked 97 %"), std::string::npos);
}

TEST(ClientLimits, name_a_machine_without_a_free_processor) {
  LoadMeasurement measured = quiet(1000);
  measured.client_wait = milliseconds(200);
  const auto limits = client_limits(measured, {0, 64});
  ASSERT_EQ(limits.size(), 1U);
  EXPECT_NE(limits[0].find("the machine is the limit: the client waited 20 %"), std::string::npos);
}

TEST(ClientLimits, name_too_few_connections_of_an_open_loop) {
  LoadMeasurement measured = quiet(1000);
  measured.waited = 250;
  EXPECT_TRUE(client_limits(measured, {0, 64}).empty());
  const auto limits = client_limits(measured, {1234567.5, 64});
  ASSERT_EQ(limits.size(), 1U);
  EXPECT_NE(limits[0].find("does not carry 1234567.5 requests a second"), std::string::npos);
  EXPECT_NE(limits[0].find("25 % of the requests found all 64 connections busy"),
            std::string::npos);
}

TEST(ClientLimits, name_requests_that_were_sent_late) {
  LoadMeasurement measured = quiet(1000);
  for (int i = 0; i < 50; ++i)
    measured.delay.record(milliseconds(4));
  const auto limits = client_limits(measured, {1000, 64});
  ASSERT_EQ(limits.size(), 1U);
  EXPECT_NE(limits[0].find("4.0 ms or more after they were meant"), std::string::npos);
}

TEST(ClientLimits, do_not_mind_a_delay_that_is_small_beside_the_latency) {
  LoadMeasurement measured;
  measured.elapsed = seconds(1);
  for (int i = 0; i < 100; ++i) {
    measured.latency.record(milliseconds(100));
    measured.delay.record(milliseconds(4));
  }
  EXPECT_TRUE(client_limits(measured, {100, 64}).empty());
}

}  // namespace
}  // namespace muster
