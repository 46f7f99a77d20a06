// SPDX-License-Identifier: Apache-2.0
#include "measuring/session_crew.h"

#include <algorithm>
#include <atomic>
#include <latch>
#include <memory>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "base/caught.h"

namespace muster {
namespace {

double seconds(Clock::Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

// What all members of a crew share.
struct Crew {
  Crew(const CompiledModel& its_model, const SampleInputs& its_inputs, const CrewOrder& its_order,
       Clock& its_clock)
      : model(its_model),
        inputs(its_inputs),
        order(its_order),
        clock(its_clock),
        ready(static_cast<std::ptrdiff_t>(its_order.sessions)),
        finished(static_cast<std::ptrdiff_t>(its_order.sessions)) {}

  const CompiledModel& model;
  const SampleInputs& inputs;
  const CrewOrder& order;
  Clock& clock;
  std::latch ready;     // all are warm, or have failed
  std::latch begin{1};  // the usage before was read
  std::latch finished;  // all have run
  std::latch leave{1};  // the usage after was read, sessions and all
  std::atomic<bool> failed{false};
};

// One session with its thread's figures.
struct Member {
  LatencyHistogram latency;
  Clock::TimePoint begun{};
  Clock::TimePoint ended{};
  Status outcome;
  std::unique_ptr<Session> session;

  Status run(const Crew& crew, std::uint64_t fewest, std::uint64_t iterations,
             Clock::Duration duration) {
    latency = {};
    begun = crew.clock.now();
    const Clock::TimePoint until = add_saturating(begun, duration);
    do {
      MUSTER_RETURN_IF_ERROR(crew.inputs.fill(*session));
      const Clock::TimePoint run_begun = crew.clock.now();
      MUSTER_RETURN_IF_ERROR(session->run());
      for (std::size_t i = 0; i < crew.model.signature().outputs.size(); ++i)
        MUSTER_RETURN_IF_ERROR(session->output(i).status());
      ended = crew.clock.now();
      latency.record(ended - run_begun);
    } while (!crew.failed && (iterations > 0 ? latency.count() < iterations
                                             : latency.count() < fewest || ended < until));
    return {};
  }

  Status prepare(const Crew& crew) {
    MUSTER_ASSIGN_OR_RETURN(session, crew.model.new_session());
    return run(crew, 1, 0, crew.order.extent.warm_up);
  }

  // The whole life of its thread. Every latch is reached whatever fails.
  void live(Crew& crew) {
    outcome = caught([&] { return prepare(crew); });
    if (!outcome.ok()) crew.failed = true;
    crew.ready.count_down();
    crew.begin.wait();
    if (outcome.ok() && !crew.failed) {
      const MeasuringExtent& extent = crew.order.extent;
      outcome = caught([&] { return run(crew, kFewestRuns, extent.iterations, extent.duration); });
      if (!outcome.ok()) crew.failed = true;
    }
    crew.finished.count_down();
    crew.leave.wait();
    session.reset();  // on the thread that made it
  }
};

CrewMeasurement summed(const std::vector<Member>& members, std::int64_t rows,
                       Clock::Duration cpu_time) {
  CrewMeasurement sum;
  Clock::TimePoint first = Clock::TimePoint::max();
  Clock::TimePoint last = Clock::TimePoint::min();
  for (const Member& member : members) {
    sum.latency.add(member.latency);
    const double items = static_cast<double>(rows) * static_cast<double>(member.latency.count());
    const double own = seconds(member.ended - member.begun);
    if (own > 0) sum.items_per_second += items / own;
    first = std::min(first, member.begun);
    last = std::max(last, member.ended);
  }
  sum.elapsed = last - first;
  const double items = static_cast<double>(rows) * static_cast<double>(sum.latency.count());
  if (items > 0) sum.cpu_us_per_item = seconds(cpu_time) * 1e6 / items;
  return sum;
}

}  // namespace

Result<CrewMeasurement> measure_crew(const CompiledModel& model, const SampleInputs& inputs,
                                     const CrewOrder& order, Clock& clock, UsageMeter& usage) {
  Crew crew(model, inputs, order, clock);
  std::vector<Member> members(order.sessions);
  std::vector<std::thread> threads;
  threads.reserve(members.size());
  Status started;
  for (Member& member : members) {
    try {
      threads.emplace_back([&crew, &member] { member.live(crew); });
    } catch (const std::system_error&) {
      // Those that began go through their latches alone.
      started = resource_exhausted("there are no more threads to be had");
      crew.failed = true;
      const auto missing = static_cast<std::ptrdiff_t>(members.size() - threads.size());
      crew.ready.count_down(missing);
      crew.finished.count_down(missing);
      break;
    }
  }
  crew.ready.wait();
  const std::chrono::nanoseconds cpu_before = usage.cpu_time();
  crew.begin.count_down();
  crew.finished.wait();
  const std::chrono::nanoseconds cpu_time = usage.cpu_time() - cpu_before;
  const std::uint64_t resident = usage.resident_bytes();
  crew.leave.count_down();
  for (std::thread& thread : threads)
    thread.join();

  MUSTER_RETURN_IF_ERROR(started);
  for (const Member& member : members)
    MUSTER_RETURN_IF_ERROR(member.outcome);
  CrewMeasurement measured = summed(members, order.rows, cpu_time);
  measured.resident_bytes = resident;
  return measured;
}

}  // namespace muster
