// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <loadgen.h>
#include <query_sample_library.h>
#include <sys/prctl.h>
#include <system_under_test.h>
#include <test_settings.h>

#include "base/mutex.h"
#include "base/text.h"
#include "load_generation/closed_loop.h"
#include "load_generation/loadgen_log.h"
#include "load_generation/sample_sender.h"
#include "load_generation/scenario.h"

namespace muster {
namespace {

constexpr std::size_t kSamplesOfLibrary = 1024;  // all the same to us
constexpr Clock::Duration kShortestWarmUp = std::chrono::milliseconds(100);
// More samples than were foreseen must not be missing at the end.
constexpr double kSpareSamples = 3;
constexpr Clock::Duration kLongTurn = std::chrono::hours(1);

double seconds(Clock::Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

class Library final : public mlperf::QuerySampleLibrary {
 public:
  const std::string& Name() override { return name_; }
  std::size_t TotalSampleCount() override { return kSamplesOfLibrary; }
  std::size_t PerformanceSampleCount() override { return kSamplesOfLibrary; }
  void LoadSamplesToRam(const std::vector<mlperf::QuerySampleIndex>&) override {}
  void UnloadSamplesFromRam(const std::vector<mlperf::QuerySampleIndex>&) override {}

 private:
  const std::string name_ = "made-up inputs";
};

// The server, as LoadGen sees it. With kServer, LoadGen's thread goes on while a thread of our own
// sends and receives; else it is LoadGen's thread that does, and it blocks, as it would anyway.
class ServedSystem final : public mlperf::SystemUnderTest {
 public:
  ServedSystem(ServerTarget& target, const ScenarioLoad& load, Clock& clock,
               const LoadMeters& meters)
      : target_(target),
        clock_(clock),
        meters_(meters),
        sender_(target, load.rows, load.timeout, clock, [](SampleSender::Sample sample) {
          mlperf::QuerySampleResponse response(sample, 0, 0);
          mlperf::QuerySamplesComplete(&response, 1);
        }) {
    if (load.scenario == Scenario::kServer) thread_ = std::thread([this] { work(); });
  }
  ~ServedSystem() override { stop(); }
  ServedSystem(const ServedSystem&) = delete;
  ServedSystem& operator=(const ServedSystem&) = delete;

  const std::string& Name() override { return name_; }

  void IssueQuery(const std::vector<mlperf::QuerySample>& samples) override {
    const Clock::TimePoint now = clock_.now();
    if (!usage_) {
      begun_ = now;
      usage_.emplace(meters_);
    }
    if (thread_.joinable()) {
      hand_over(samples, now);
      return;
    }
    for (const mlperf::QuerySample& sample : samples)
      sender_.add(sample.id, now);
    while (!sender_.idle()) {
      Status status = sender_.turn(kLongTurn);
      if (!status.ok()) return fail(std::move(status));
    }
  }

  // The last query was issued.
  void FlushQueries() override {
    stop();
    if (!usage_) return;
    sender_.measured().elapsed = clock_.now() - begun_;
    usage_->put_into(sender_.measured());
  }

  [[nodiscard]] const Status& failure() const noexcept { return failure_; }
  [[nodiscard]] LoadMeasurement& measured() noexcept { return sender_.measured(); }

 private:
  struct Issued {
    mlperf::ResponseId sample;
    Clock::TimePoint at;
  };

  void fail(Status status) {
    if (failure_.ok()) failure_ = std::move(status);
  }

  void hand_over(const std::vector<mlperf::QuerySample>& samples, Clock::TimePoint now) {
    bool was_empty = false;
    {
      const MutexLock lock(mutex_);
      was_empty = issued_.empty();
      for (const mlperf::QuerySample& sample : samples)
        issued_.push_back({sample.id, now});
    }
    if (was_empty) target_.wake();
  }

  // Until all is answered that was issued before `stop`.
  void work() {
    std::vector<Issued> taken;
    for (bool over = false; !over || !sender_.idle();) {
      {
        const MutexLock lock(mutex_);
        std::swap(taken, issued_);
        over = over_;
      }
      for (const Issued& issued : taken)
        sender_.add(issued.sample, issued.at);
      taken.clear();
      if (over && sender_.idle()) return;
      Status status = sender_.turn(kLongTurn);
      if (status.ok()) continue;
      fail(std::move(status));
      // All is done at once from now on; there is nothing to wait for but more of it.
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

  void stop() {
    if (!thread_.joinable()) return;
    {
      const MutexLock lock(mutex_);
      over_ = true;
    }
    target_.wake();
    thread_.join();
  }

  ServerTarget& target_;
  Clock& clock_;
  const LoadMeters meters_;
  const std::string name_ = "server";
  SampleSender sender_;  // of the one thread that sends
  Clock::TimePoint begun_{};
  std::optional<LoadUsage> usage_;
  Status failure_;
  Mutex mutex_;
  std::vector<Issued> issued_ MUSTER_GUARDED_BY(mutex_);
  bool over_ MUSTER_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last: it uses all of the above
};

// LoadGen speaks to std::cout of its own accord, where the results go.
class SilentOutput {
 public:
  SilentOutput() : before_(std::cout.rdbuf(&nowhere_)) {}
  ~SilentOutput() { std::cout.rdbuf(before_); }
  SilentOutput(const SilentOutput&) = delete;
  SilentOutput& operator=(const SilentOutput&) = delete;

 private:
  struct Nowhere final : std::streambuf {
    int overflow(int c) override { return c; }
  } nowhere_;
  std::streambuf* before_;
};

// What a closed loop says of the server, from which LoadGen's number of samples is foreseen.
struct Foreseen {
  double query_ns = 1;
  double samples_per_second = 1;
};

Result<Foreseen> warm_up(ServerTarget& target, const ScenarioLoad& load, Clock& clock,
                         const LoadMeters& meters) {
  int concurrency = target.slots();
  if (load.scenario == Scenario::kSingleStream) concurrency = 1;
  if (load.scenario == Scenario::kMultiStream)
    concurrency = std::min(concurrency, load.samples_per_query);
  const Clock::Duration length = std::max(load.warm_up, kShortestWarmUp);
  MUSTER_ASSIGN_OR_RETURN(
      const LoadMeasurement measured,
      run_closed_loop(target, {concurrency, load.rows, length / 2, length / 2, load.timeout}, clock,
                      meters));
  if (measured.answered() == 0)
    return unavailable(measured.first_failure.empty()
                           ? "no request was answered in the warm-up; give more --warm-up-seconds"
                           : "no request was answered: " + measured.first_failure);
  Foreseen foreseen;
  foreseen.query_ns = measured.latency.mean().count() * 1e6;
  foreseen.samples_per_second =
      static_cast<double>(measured.answered()) / seconds(measured.elapsed);
  return foreseen;
}

Result<mlperf::TestSettings> settings_of(const ScenarioLoad& load, const Foreseen& foreseen) {
  mlperf::TestSettings settings;
  settings.mode = mlperf::TestMode::PerformanceOnly;
  settings.min_duration_ms = static_cast<std::uint64_t>(seconds(load.duration) * 1000);
  settings.min_query_count = 1;
  double per_second = foreseen.samples_per_second;
  switch (load.scenario) {
    case Scenario::kOffline:
      settings.scenario = mlperf::TestScenario::Offline;
      settings.offline_expected_qps = foreseen.samples_per_second;
      break;
    case Scenario::kServer:
      settings.scenario = mlperf::TestScenario::Server;
      settings.server_target_qps = per_second = load.per_second;
      settings.server_target_latency_ns = static_cast<std::uint64_t>(load.target_latency.count());
      break;
    case Scenario::kSingleStream:
      settings.scenario = mlperf::TestScenario::SingleStream;
      settings.single_stream_expected_latency_ns = foreseen.query_ns / kSpareSamples;
      per_second = 1e9 * kSpareSamples / foreseen.query_ns;
      break;
    case Scenario::kMultiStream:
      settings.scenario = mlperf::TestScenario::MultiStream;
      settings.multi_stream_samples_per_query = static_cast<std::uint64_t>(load.samples_per_query);
      settings.multi_stream_expected_latency_ns = foreseen.query_ns / kSpareSamples;
      per_second = 1e9 * kSpareSamples / foreseen.query_ns * load.samples_per_query;
  }
  if (per_second * seconds(load.duration) > kMostSamples)
    return resource_exhausted(
        "LoadGen would lay out more than 20 million samples beforehand; give "
        "fewer --seconds");
  return settings;
}

Result<std::string> read_log(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  if (!stream.is_open() || !text)
    return failed_precondition(printable(file.string(), 4096) + " cannot be read");
  return std::move(text).str();
}

}  // namespace

Status check_loadgen() {
  return {};
}

Result<ScenarioMeasurement> run_scenario(ServerTarget& target, const ScenarioLoad& load,
                                         Clock& clock, const LoadMeters& meters) {
  MUSTER_ASSIGN_OR_RETURN(const Foreseen foreseen, warm_up(target, load, clock, meters));
  MUSTER_ASSIGN_OR_RETURN(const mlperf::TestSettings settings, settings_of(load, foreseen));
  mlperf::LogSettings logs;
  logs.log_output.outdir = load.log_folder;
  logs.enable_trace = false;
  ScenarioMeasurement measured;
  {
    ServedSystem system(target, load, clock, meters);
    Library library;
    const SilentOutput silent;
    ::prctl(PR_SET_TIMERSLACK, 1UL);  // samples of kServer are closer than the usual 50 us
    // A file of that name would change the settings.
    mlperf::StartTest(&system, &library, settings, logs, load.log_folder + "/no-audit.config");
    MUSTER_RETURN_IF_ERROR(system.failure());
    measured.load = std::move(system.measured());
  }
  MUSTER_ASSIGN_OR_RETURN(const std::string log, read_log(std::filesystem::path(load.log_folder) /
                                                          "mlperf_log_detail.txt"));
  MUSTER_RETURN_IF_ERROR(
      read_loadgen_results(log, load.scenario, load.samples_per_query, measured));
  return measured;
}

}  // namespace muster
