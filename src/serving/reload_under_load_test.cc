// SPDX-License-Identifier: Apache-2.0
// Many threads ask while models are replaced, unloaded and stopped: nothing fails that should not,
// nothing is lost, and nobody is answered by what has been replaced.
#include <atomic>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "serving/testing/local_service_fixture.h"

namespace muster::testing {
namespace {

class ReloadUnderLoad : public LocalServiceTest {
 protected:
  static constexpr int kThreads = 4;
  static constexpr int kReloads = 10;

  struct Tally {
    std::atomic<int> right{0};
    std::atomic<int> stale{0};
    std::atomic<int> unavailable{0};
    std::atomic<int> wrong{0};
  };

  // Asks until `stop`. An answer must be a factor that was served when or after it was asked for.
  void ask(const std::atomic<bool>& stop, const std::atomic<int>& oldest, Tally& tally) {
    while (!stop) {
      const int at_least = oldest;
      const Outcome outcome = submit("m").get();
      if (!outcome.ok()) {
        ++(outcome.status().code() == StatusCode::kUnavailable ? tally.unavailable : tally.wrong);
        continue;
      }
      const auto y = values_of(*outcome->find("y"));
      const int factor = static_cast<int>(y[0]);
      if (static_cast<int>(y[1]) != 2 * factor || factor < 1) {
        ++tally.wrong;
      } else {
        ++(factor < at_least ? tally.stale : tally.right);
      }
    }
  }

  // Runs `change` while all ask.
  void while_asked(Tally& tally, const std::function<void(std::atomic<int>& oldest)>& change) {
    std::atomic<bool> stop{false};
    std::atomic<int> oldest{1};
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; ++i)
      threads.emplace_back([&] { ask(stop, oldest, tally); });
    change(oldest);
    // However slowly they begin, all that comes to nothing unless somebody asks.
    while (tally.right + tally.stale + tally.unavailable + tally.wrong == 0)
      std::this_thread::yield();
    stop = true;
    for (std::thread& thread : threads)
      thread.join();
  }
};

TEST_F(ReloadUnderLoad, answers_every_request_while_versions_replace_each_other) {
  put("m", 1, "scale 1");
  start(ModelControlMode::kExplicit, {"m"});
  Tally tally;
  while_asked(tally, [this](std::atomic<int>& oldest) {
    for (int version = 2; version <= kReloads; ++version) {
      put("m", version, "scale " + std::to_string(version));
      EXPECT_TRUE(load("m").ok());
      oldest = version;
    }
  });
  service_->await_settled();
  EXPECT_GT(tally.right, 0);
  EXPECT_EQ(tally.unavailable, 0);
  EXPECT_EQ(tally.wrong, 0);
  EXPECT_EQ(tally.stale, 0);
  EXPECT_EQ(index(true), "m 10 READY");
}

TEST_F(ReloadUnderLoad, answers_every_request_while_one_version_is_loaded_anew) {
  put("m", 1, "scale 1");
  start(ModelControlMode::kExplicit, {"m"});
  Tally tally;
  while_asked(tally, [this](std::atomic<int>& oldest) {
    for (int factor = 2; factor <= kReloads; ++factor) {
      put("m", 1, factor % 5 == 0 ? "broken" : "scale " + std::to_string(factor));
      if (load("m").ok()) oldest = factor;
    }
  });
  service_->await_settled();
  EXPECT_EQ(tally.unavailable + tally.wrong + tally.stale, 0);
  const ModelStatistics statistics = service_->statistics("m", 1)->front();
  EXPECT_EQ(statistics.success.count, static_cast<std::uint64_t>(tally.right));
}

TEST_F(ReloadUnderLoad, answers_or_refuses_while_models_come_and_go) {
  put("m", 1, "scale 1");
  start(ModelControlMode::kExplicit, {"m"});
  Tally tally;
  while_asked(tally, [this](std::atomic<int>&) {
    for (int i = 0; i < kReloads; ++i) {
      EXPECT_TRUE(service_->unload("m").ok());
      EXPECT_TRUE(load("m").ok());
    }
  });
  EXPECT_EQ(tally.wrong + tally.stale, 0);
}

TEST_F(ReloadUnderLoad, answers_or_refuses_every_request_while_it_stops) {
  put("m", 1, "scale 1");
  start(ModelControlMode::kExplicit, {"m"});
  Tally tally;
  while_asked(tally, [&](std::atomic<int>&) {
    while (tally.right < 100)
      std::this_thread::yield();
    service_->load("m", std::nullopt, [](const Status&) {});
    service_->begin_stop();
    EXPECT_TRUE(service_->drain(std::chrono::hours(1)));
    while (tally.unavailable == 0)
      std::this_thread::yield();
  });
  EXPECT_EQ(tally.wrong + tally.stale, 0);
  EXPECT_EQ(answer("m"), "UNAVAILABLE: the server is stopping");
}

}  // namespace
}  // namespace muster::testing
