// SPDX-License-Identifier: Apache-2.0
#include "load_generation/client_limit.h"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

namespace muster {
namespace {

double share(double part, double whole) {
  return whole > 0 ? part / whole : 0;
}

}  // namespace

std::vector<std::string> client_limits(const LoadMeasurement& measured, const LoadIntent& intent) {
  std::vector<std::string> limits;
  const double used = measured.client_cpu_share();
  if (used >= kFullProcessor) {
    limits.push_back(
        fmt::format("the client is the limit: its thread worked {:.0f} % of the time; start a "
                    "second client for more",
                    used * 100));
  }
  const double waited = share(std::chrono::duration<double>(measured.client_wait).count(),
                              std::chrono::duration<double>(measured.elapsed).count());
  if (waited >= kNotableWait) {
    limits.push_back(
        fmt::format("the machine is the limit: the client waited {:.0f} % of the time for a "
                    "processor, which is in the latencies; give it one of its own",
                    waited * 100));
  }
  if (intent.per_second <= 0) return limits;
  const double found_none =
      share(static_cast<double>(measured.waited), static_cast<double>(measured.requests()));
  if (found_none >= kNotableWaited) {
    limits.push_back(
        fmt::format("{:.0f} % of the requests found all {} connections busy and waited in the "
                    "client, which is in the latencies: the server does not carry {} requests a "
                    "second with so few; --connections gives more",
                    found_none * 100, intent.slots, intent.per_second));
  }
  const double late = measured.delay.percentile(99).count();
  const double least = std::max(std::chrono::duration<double, std::milli>(kShortDelay).count(),
                                kNotableDelay * measured.latency.percentile(50).count());
  if (late >= least) {
    limits.push_back(
        fmt::format("the client is the limit: 1 % of the requests were sent {:.1f} ms or more "
                    "after they were meant to be although a connection was free",
                    late));
  }
  return limits;
}

}  // namespace muster
