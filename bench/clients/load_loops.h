// SPDX-License-Identifier: Apache-2.0
// The two ways to load a server (load_generation/closed_loop.h, open_loop.h), with questions whose
// answers are compared, as figures. Failures are exceptions.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include <sys/types.h>

#include "bench/clients/question.h"
#include "bench/statistics.h"
#include "client/server_call.h"

namespace muster::bench {

// A server to be asked.
struct Asked {
  ServerAddress address;
  pid_t pid = 0;  // whose processor time it takes; 0 = not known
};

// How a closed loop comes to its rate.
enum class Counting : std::uint8_t {
  kAnswers,  // answers within the time, by the time
  // From the end of one batch to that of another, where a batch takes a good part of the time.
  kWholeBatches
};

struct ClosedLoad {
  int connections = 1;
  int streams = 1;  // requests in flight on each connection; HTTP has one
  double seconds = 1;
  std::int64_t rows = 1;  // of each question
  Counting counting = Counting::kAnswers;
};

// Warms up, measures, waits for the last answers. Needs a question for every request in flight.
// Every request must be answered, and every so manieth answer is compared: a wrong one is an
// exception. items_per_s, cpu_us_per_item, switches_per_item (of the server), p50_us ...,
// client_cpu_us_per_item.
[[nodiscard]] Figures run_closed_load(const Asked& asked, const std::vector<Question>& questions,
                                      const ClosedLoad& load);

struct OpenLoad {
  int connections = 1024;
  double per_second = 1000;  // arrivals
  std::chrono::microseconds deadline{0};
  double seconds = 1;
  double burst_seconds = 0;  // of a burst, in the mean; 0 = arrivals are Poisson
  std::uint32_t seed = 28;   // of the arrivals
};

// Latencies count from the moment when a request was meant to be sent, also where all connections
// were taken. items_per_s (answered at all), good_per_s (within the deadline),
// late_percent (of those accepted), refused_percent (of all), cpu_us (of the server, in all),
// accepted, refused, good, p50_us ... (of those accepted).
[[nodiscard]] Figures run_open_load(const Asked& asked, const std::vector<Question>& questions,
                                    const OpenLoad& load);
// When the requests that count come in that load, in milliseconds after the warm-up.
[[nodiscard]] std::vector<double> arrivals_of(const OpenLoad& load);

// One call; status 0 where nobody listens, or the connection broke.
[[nodiscard]] ServerReply http_exchange(const ServerAddress& address, const std::string& method,
                                        const std::string& path, const std::string& body = "");

}  // namespace muster::bench
