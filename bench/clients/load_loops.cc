// SPDX-License-Identifier: Apache-2.0
#include "bench/clients/load_loops.h"

#include <memory>
#include <stdexcept>
#include <string_view>

#include "bench/calls.h"
#include "bench/process_usage.h"
#include "client/connections.h"
#include "load_generation/answer_rate.h"
#include "load_generation/closed_loop.h"
#include "load_generation/open_loop.h"
#include "load_generation/server_target.h"

namespace muster::bench {
namespace {

constexpr std::uint64_t kComparedEvery = 64;
constexpr std::chrono::seconds kPatience{20};

Clock::Duration duration(double seconds) {
  return std::chrono::duration_cast<Clock::Duration>(std::chrono::duration<double>(seconds));
}

using Times = std::vector<Clock::TimePoint>;

// Compares some of the answers, and remembers the first that is not right.
class Comparing final : public AnswerCheck {
 public:
  // `times`: of answers, where they are wanted.
  explicit Comparing(const std::vector<Question>& questions, Times* times = nullptr)
      : questions_(questions), times_(times) {}

  void check(const Answer& answer) override {
    if (answer.outcome != Outcome::kAnswered) return;
    if (times_ != nullptr) times_->push_back(steady_clock().now());
    if (++answered_ % kComparedEvery != 1) return;
    const Question& question = questions_[static_cast<std::size_t>(answer.slot)];
    if (wrong_.empty() && !question.right(answer.body))
      wrong_ = "a wrong answer: " + std::string(answer.body.substr(0, 300));
  }

  void expect_right(const LoadMeasurement& measured) const {
    if (!wrong_.empty()) throw std::runtime_error(wrong_);
    if (measured.failed > 0)
      throw std::runtime_error("a request failed: " + measured.first_failure);
  }

 private:
  const std::vector<Question>& questions_;
  Times* const times_;
  std::uint64_t answered_ = 0;
  std::string wrong_;
};

ServerTarget connect(const Asked& asked, const std::vector<Question>& questions, int connections,
                     int streams) {
  const auto wire = [=] {
    return make_wire({asked.address, "", kPatience}, "ModelInfer", streams);
  };
  ServerTarget target(
      expect(Connections::open({asked.address, wire, connections, streams, kPatience})), [&] {
        std::vector<std::string_view> requests;
        for (const Question& question : questions)
          requests.push_back(question.bytes);
        return requests;
      }());
  if (questions.size() < static_cast<std::size_t>(target.slots()))
    throw std::runtime_error("too few questions");
  return target;
}

std::unique_ptr<UsageMeter> server_of(const Asked& asked) {
  return asked.pid == 0 ? nullptr : expect(usage_of(asked.pid));
}

// What both loads tell. `items`: that the server's threads worked for.
void put_rest(Figures& figures, const LoadMeasurement& measured, bool of_server, double items) {
  if (of_server && items > 0) {
    figures["cpu_us_per_item"] = measured.server_cpu_us_per_item();
    figures["switches_per_item"] = static_cast<double>(measured.server_switches) / items;
  }
  put_into(figures, measured.latency);
}

OpenLoop loop_of(const OpenLoad& load) {
  OpenLoop loop{load.per_second, 1, duration(load.seconds / 5), duration(load.seconds), kPatience};
  loop.deadline = load.deadline;
  loop.burst_length = duration(load.burst_seconds);
  loop.seed = load.seed;
  return loop;
}

}  // namespace

Figures run_closed_load(const Asked& asked, const std::vector<Question>& questions,
                        const ClosedLoad& load) {
  const bool grpc = asked.address.transport == Transport::kGrpc;
  ServerTarget target = connect(asked, questions, load.connections, grpc ? load.streams : 1);
  const auto server = server_of(asked);
  Times times;
  const bool whole_batches = load.counting == Counting::kWholeBatches;
  Comparing comparing(questions, whole_batches ? &times : nullptr);
  const ClosedLoop loop{target.slots(), load.rows, duration(load.seconds / 10),
                        duration(load.seconds), kPatience};
  const Clock::TimePoint start = steady_clock().now();
  const LoadMeasurement measured = expect(
      run_closed_loop(target, loop, steady_clock(), {process_usage(), server.get()}, &comparing));
  comparing.expect_right(measured);
  if (measured.refused > 0)
    throw std::runtime_error("a request was refused: " + measured.first_failure);
  Figures figures{{"items_per_s", measured.items_per_second()},
                  {"client_cpu_us_per_item", measured.client_cpu_us_per_item()}};
  if (whole_batches) {
    const Clock::TimePoint begin = start + loop.warm_up;
    const double rate = answers_per_second(times, start, begin, begin + loop.duration);
    if (rate == 0) throw std::runtime_error("no answer came within the time; give more seconds");
    figures["items_per_s"] = static_cast<double>(load.rows) * rate;
  }
  const double items =
      static_cast<double>(measured.answered()) * static_cast<double>(measured.rows);
  put_rest(figures, measured, server != nullptr, items);
  return figures;
}

Figures run_open_load(const Asked& asked, const std::vector<Question>& questions,
                      const OpenLoad& load) {
  ServerTarget target = connect(asked, questions, load.connections, 1);
  const auto server = server_of(asked);
  Comparing comparing(questions);
  const LoadMeasurement measured = expect(run_open_loop(
      target, loop_of(load), steady_clock(), {process_usage(), server.get()}, &comparing));
  comparing.expect_right(measured);
  const auto accepted = static_cast<double>(measured.answered());
  const auto refused = static_cast<double>(measured.refused);
  const auto late = static_cast<double>(measured.late);
  const double all = accepted + refused;
  const double seconds = std::chrono::duration<double>(measured.elapsed).count();
  Figures figures{{"items_per_s", all / seconds},
                  {"cpu_us", static_cast<double>(measured.server_cpu.count()) / 1e3},
                  {"accepted", accepted},
                  {"refused", refused},
                  {"good", accepted - late},
                  {"good_per_s", (accepted - late) / seconds},
                  {"late_percent", accepted == 0 ? 0 : 100 * late / accepted},
                  {"refused_percent", all == 0 ? 0 : 100 * refused / all}};
  put_rest(figures, measured, server != nullptr, all);
  return figures;
}

std::vector<double> arrivals_of(const OpenLoad& load) {
  const OpenLoop loop = loop_of(load);
  const Clock::TimePoint begin = Clock::TimePoint() + loop.warm_up;
  std::vector<double> milliseconds;
  for (Arrivals next(loop.rates(), Clock::TimePoint(), loop.seed);
       next.next() < begin + loop.duration; next.advance()) {
    const std::chrono::duration<double, std::milli> after = next.next() - begin;
    if (after.count() >= 0) milliseconds.push_back(after.count());
  }
  return milliseconds;
}

ServerReply http_exchange(const ServerAddress& address, const std::string& method,
                          const std::string& path, const std::string& body) {
  auto reply = call_http({address, "", kPatience}, method, path, body);
  return reply.ok() ? *std::move(reply) : ServerReply{};
}

}  // namespace muster::bench
