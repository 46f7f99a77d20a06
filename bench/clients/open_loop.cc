// SPDX-License-Identifier: Apache-2.0
#include <deque>
#include <random>
#include <stdexcept>

#include <sys/prctl.h>

#include "bench/clients/connections.h"
#include "bench/clients/load_loops.h"
#include "bench/process_usage.h"

namespace muster::bench {
namespace {

constexpr std::uint64_t kComparedEvery = 64;

class Arrivals {
 public:
  explicit Arrivals(double per_second) : gap_(per_second), next_(WallClock::now()) { advance(); }

  [[nodiscard]] WallClock::time_point next() const { return next_; }
  void advance() {
    next_ += std::chrono::duration_cast<WallClock::duration>(
        std::chrono::duration<double>(gap_(random_)));
  }

 private:
  std::mt19937 random_{28};
  std::exponential_distribution<double> gap_;
  WallClock::time_point next_;
};

class Crowd {
 public:
  Crowd(const Asked& asked, const std::vector<Question>& questions, const OpenLoop& loop)
      : questions_(questions),
        deadline_(loop.deadline),
        meant_(static_cast<std::size_t>(loop.connections)),
        connections_(asked.address, loop.connections, [&] {
          return asked.transport == Transport::kHttp ? make_http_wire() : make_grpc_wire(1);
        }) {
    if (questions.size() < meant_.size()) throw std::runtime_error("too few questions");
    for (int connection = loop.connections - 1; connection >= 0; --connection)
      free_.push_back(connection);
  }

  void run_for(double seconds, Arrivals& arrivals) {
    const auto end = WallClock::now() + std::chrono::duration<double>(seconds);
    for (auto now = WallClock::now(); now < end; now = WallClock::now()) {
      while (arrivals.next() <= now) {
        waiting_.push_back(arrivals.next());
        arrivals.advance();
      }
      ask_waiting();
      const auto left = std::max(arrivals.next() - WallClock::now(), WallClock::duration(0));
      connections_.wait(left, on_answer_);
    }
  }

  void finish() {
    waiting_.clear();
    recording_ = false;
    while (free_.size() < meant_.size())
      connections_.wait({}, on_answer_);
  }

  void begin_recording() { recording_ = true; }
  [[nodiscard]] double accepted() const { return static_cast<double>(latencies_.count()); }
  [[nodiscard]] double refused() const { return static_cast<double>(refused_); }
  [[nodiscard]] double late() const { return static_cast<double>(late_); }
  [[nodiscard]] Latencies& latencies() { return latencies_; }

 private:
  void ask_waiting() {
    while (!waiting_.empty() && !free_.empty()) {
      const int connection = free_.back();
      free_.pop_back();
      meant_[static_cast<std::size_t>(connection)] = waiting_.front();
      waiting_.pop_front();
      connections_.ask(connection, 0, questions_[static_cast<std::size_t>(connection)].bytes);
    }
  }

  void take(int connection, const Answer& answer) {
    const auto number = static_cast<std::size_t>(connection);
    free_.push_back(connection);
    if (answer.accepted && ++compared_ % kComparedEvery == 1 &&
        !questions_[number].right(answer.body))
      throw std::runtime_error("a wrong answer: " + std::string(answer.body.substr(0, 300)));
    if (!recording_) return;
    if (!answer.accepted) {
      ++refused_;
      return;
    }
    const auto latency = WallClock::now() - meant_[number];
    if (latency > deadline_) ++late_;
    latencies_.record(std::chrono::duration_cast<std::chrono::nanoseconds>(latency).count());
  }

  const std::vector<Question>& questions_;
  const WallClock::duration deadline_;
  std::vector<WallClock::time_point> meant_;  // by connection
  Connections connections_;
  const Connections::OnAnswer on_answer_ = [this](int connection, const Answer& answer) {
    take(connection, answer);
  };
  std::vector<int> free_;
  std::deque<WallClock::time_point> waiting_;  // for a free connection
  Latencies latencies_;                        // of those accepted
  std::uint64_t refused_ = 0;
  std::uint64_t late_ = 0;
  std::uint64_t compared_ = 0;
  bool recording_ = false;
};

}  // namespace

Figures run_open_loop(const Asked& asked, const std::vector<Question>& questions,
                      const OpenLoop& loop) {
  ::prctl(PR_SET_TIMERSLACK, 1UL);  // arrivals are closer than the usual 50 us
  Crowd crowd(asked, questions, loop);
  Arrivals arrivals(loop.per_second);
  crowd.run_for(loop.seconds / 5, arrivals);
  crowd.begin_recording();
  const UsageOf servers(asked.pid);
  crowd.run_for(loop.seconds, arrivals);
  Figures figures;
  const double answered = crowd.accepted() + crowd.refused();
  servers.put_into(figures, answered);
  figures["cpu_us"] = servers.cpu_us();
  figures["accepted"] = crowd.accepted();
  figures["refused"] = crowd.refused();
  figures["good_per_s"] = (crowd.accepted() - crowd.late()) / loop.seconds;
  figures["late_percent"] = crowd.accepted() == 0 ? 0 : 100 * crowd.late() / crowd.accepted();
  figures["refused_percent"] = answered == 0 ? 0 : 100 * crowd.refused() / answered;
  crowd.latencies().put_into(figures);
  crowd.finish();
  return figures;
}

}  // namespace muster::bench
