// SPDX-License-Identifier: Apache-2.0
#include "measuring/session_crew.h"

#include <atomic>
#include <functional>
#include <latch>
#include <memory>
#include <new>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "measuring/testing/timed_session.h"

namespace muster {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

// Makes what a test says; sessions are counted and must end on the thread that made them.
class CrewModel final : public CompiledModel {
 public:
  using Make = std::function<Result<std::unique_ptr<Session>>()>;
  explicit CrewModel(Make make) : make_(std::move(make)) {}

  [[nodiscard]] const ModelSignature& signature() const override { return signature_; }
  [[nodiscard]] Result<std::unique_ptr<Session>> new_session() const override { return make_(); }
  [[nodiscard]] bool sessions_are_thread_bound() const override { return true; }

 private:
  const ModelSignature signature_{{{"x", DataType::kFp32, {kDynamicDim, 2}, {}}},
                                  {{"y", DataType::kFp32, {kDynamicDim, 2}, {}}}};
  const Make make_;
};

// Runs `at_run` with the number of the run, from 0.
class BoundSession final : public Session {
 public:
  BoundSession(std::function<Status(int)> at_run, std::atomic<int>& strays)
      : at_run_(std::move(at_run)), strays_(strays) {}
  ~BoundSession() override { note_thread(); }

  Result<std::span<std::byte>> prepare_input(std::size_t, const Shape&, std::size_t size) override {
    note_thread();
    room_.resize(size);
    return std::span(room_);
  }
  Status run() override { return at_run_(runs_++); }
  Result<TensorView> output(std::size_t) override { return TensorView{}; }

 private:
  void note_thread() {
    if (std::this_thread::get_id() != made_on_) ++strays_;
  }

  const std::thread::id made_on_ = std::this_thread::get_id();
  const std::function<Status(int)> at_run_;
  std::atomic<int>& strays_;
  std::vector<std::byte> room_;
  int runs_ = 0;
};

class SessionCrew : public ::testing::Test {
 protected:
  Result<CrewMeasurement> measure(const CrewModel& model, std::size_t sessions,
                                  const MeasuringExtent& extent) {
    const auto inputs = SampleInputs::make(model.signature(), true, 4, {}, 1 << 20);
    return measure_crew(model, *inputs, {sessions, 4, extent}, clock_, usage_);
  }
  CrewModel bound(std::function<Status(int)> at_run) {
    return CrewModel([this, at_run = std::move(at_run)]() -> Result<std::unique_ptr<Session>> {
      ++made_;
      return std::make_unique<BoundSession>(at_run, strays_);
    });
  }

  FakeClock clock_;
  FakeUsage usage_;
  std::atomic<int> made_{0};
  std::atomic<int> strays_{0};
};

TEST_F(SessionCrew, counts_filling_in_throughput_and_not_in_latency) {
  const CrewModel model([this]() -> Result<std::unique_ptr<Session>> {
    auto session = std::make_unique<TimedSession>(clock_, usage_);
    session->fill_time = microseconds(250);
    return session;
  });
  const auto measured = measure(model, 1, {milliseconds(0), 8, {}});
  ASSERT_TRUE(measured.ok());
  EXPECT_EQ(measured->latency.count(), 8U);
  EXPECT_NEAR(measured->latency.mean().count(), 1.0, 1e-9);
  EXPECT_EQ(measured->elapsed, microseconds(10000));
  EXPECT_NEAR(measured->items_per_second, 4 / 0.00125, 1e-6);
  // Two processors for a millisecond and one for a quarter of one, for four rows.
  EXPECT_NEAR(measured->cpu_us_per_item, 562.5, 1e-6);
  EXPECT_EQ(measured->resident_bytes, std::uint64_t{3} << 20);
}

TEST_F(SessionCrew, warms_up_with_one_run_and_measures_for_the_time_given) {
  const CrewModel model([this]() -> Result<std::unique_ptr<Session>> {
    auto session = std::make_unique<TimedSession>(clock_, usage_);
    session->lengths = {milliseconds(50)};
    session->lengths.resize(100, milliseconds(1));
    return session;
  });
  const auto measured = measure(model, 1, {milliseconds(0), 0, milliseconds(20)});
  ASSERT_TRUE(measured.ok());
  EXPECT_EQ(measured->latency.count(), 20U);
  EXPECT_EQ(measured->latency.largest(), milliseconds(1));
}

TEST_F(SessionCrew, runs_all_sessions_at_the_same_time_each_on_its_own_thread) {
  constexpr std::size_t kSessions = 3;
  std::latch all_are_running(kSessions);
  const CrewModel model = bound([&](int run) -> Status {
    // Ends only if the others come as far.
    if (run == 1) all_are_running.arrive_and_wait();
    return {};
  });
  const auto measured = measure(model, kSessions, {milliseconds(0), 5, {}});
  ASSERT_TRUE(measured.ok());
  EXPECT_EQ(made_, 3);
  EXPECT_EQ(measured->latency.count(), 15U);
  EXPECT_EQ(strays_, 0);
}

TEST_F(SessionCrew, says_what_the_first_session_that_fails_says) {
  for (const int at : {0, 2}) {
    const CrewModel model =
        bound([at](int run) { return run == at ? unavailable("the device is gone") : Status(); });
    const auto measured = measure(model, 2, {milliseconds(0), 5, {}});
    ASSERT_FALSE(measured.ok());
    EXPECT_EQ(measured.status().message(), "the device is gone");
  }
}

TEST_F(SessionCrew, makes_an_exception_an_error) {
  const CrewModel model = bound([](int) -> Status { throw std::bad_alloc(); });
  EXPECT_EQ(measure(model, 2, {milliseconds(0), 5, {}}).status().code(),
            StatusCode::kResourceExhausted);
}

TEST_F(SessionCrew, says_why_a_session_cannot_be_made) {
  const CrewModel model([this]() -> Result<std::unique_ptr<Session>> {
    if (made_++ == 1) return resource_exhausted("no second one");
    return std::make_unique<BoundSession>([](int) { return Status(); }, strays_);
  });
  EXPECT_EQ(measure(model, 2, {milliseconds(0), 5, {}}).status().message(), "no second one");
}

}  // namespace
}  // namespace muster
