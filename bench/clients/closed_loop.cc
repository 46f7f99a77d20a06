// SPDX-License-Identifier: Apache-2.0
#include <stdexcept>

#include "bench/clients/connections.h"
#include "bench/clients/load_loops.h"
#include "bench/process_usage.h"

namespace muster::bench {
namespace {

constexpr std::uint64_t kComparedEvery = 64;

class Clients {
 public:
  Clients(const Asked& asked, const std::vector<Question>& questions, const ClosedLoop& loop)
      : questions_(questions),
        streams_(asked.transport == Transport::kHttp ? 1 : loop.streams),
        started_(static_cast<std::size_t>(loop.connections * streams_)),
        connections_(asked.address, loop.connections, [&] {
          return asked.transport == Transport::kHttp ? make_http_wire() : make_grpc_wire(streams_);
        }) {
    if (questions.size() < started_.size()) throw std::runtime_error("too few questions");
    latencies_.reserve(static_cast<std::size_t>(loop.seconds * 200000));
    for (int client = 0; client < static_cast<int>(started_.size()); ++client)
      ask(client);
  }

  void run_for(double seconds) {
    const auto end = WallClock::now() + std::chrono::duration<double>(seconds);
    while (WallClock::now() < end)
      connections_.wait({}, on_answer_);
  }
  void begin_recording() {
    recording_ = true;
    answered_ = 0;
  }
  [[nodiscard]] std::uint64_t answered() const { return answered_; }
  [[nodiscard]] Latencies& latencies() { return latencies_; }

  void finish() {
    over_ = true;
    while (in_flight_ > 0)
      connections_.wait({}, on_answer_);
  }

 private:
  void ask(int client) {
    started_[static_cast<std::size_t>(client)] = WallClock::now();
    ++in_flight_;
    connections_.ask(client / streams_, client % streams_,
                     questions_[static_cast<std::size_t>(client)].bytes);
  }

  void take(int connection, const Answer& answer) {
    const int client = connection * streams_ + answer.slot;
    const auto number = static_cast<std::size_t>(client);
    if (recording_ && !over_) latencies_.record(nanoseconds_since(started_[number]));
    --in_flight_;
    if (!answer.accepted) throw std::runtime_error("a request was refused");
    if (++answered_ % kComparedEvery == 1 && !questions_[number].right(answer.body))
      throw std::runtime_error("a wrong answer: " + std::string(answer.body.substr(0, 300)));
    if (!over_) ask(client);
  }

  const std::vector<Question>& questions_;
  const int streams_;
  std::vector<WallClock::time_point> started_;  // by client
  Connections connections_;
  const Connections::OnAnswer on_answer_ = [this](int connection, const Answer& answer) {
    take(connection, answer);
  };
  Latencies latencies_;
  std::uint64_t answered_ = 0;
  int in_flight_ = 0;
  bool recording_ = false;
  bool over_ = false;
};

}  // namespace

Figures run_closed_loop(const Asked& asked, const std::vector<Question>& questions,
                        const ClosedLoop& loop) {
  Clients clients(asked, questions, loop);
  clients.run_for(loop.seconds / 10);
  Figures figures;
  clients.begin_recording();
  const Usage own;
  const UsageOf servers(asked.pid);
  clients.run_for(loop.seconds);
  const double items = static_cast<double>(clients.answered()) * static_cast<double>(loop.rows);
  own.put_into(figures, items);
  figures["client_cpu_us_per_item"] = figures["cpu_us_per_item"];
  figures.erase("cpu_us_per_item");
  figures.erase("switches_per_item");
  servers.put_into(figures, items);
  clients.finish();
  clients.latencies().put_into(figures);
  return figures;
}

}  // namespace muster::bench
