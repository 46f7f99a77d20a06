// SPDX-License-Identifier: Apache-2.0
#include "app/bench/bench_run.h"

#include <csignal>
#include <utility>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "app/bench/bench_report.h"

namespace muster {
namespace {

using Sizes = std::vector<std::int64_t>;

// A backend that does as its name says.
class PlayedBackend {
 public:
  PlayedBackend(const std::string& name, MessageLine& line) : name_(name), line_(line) {}

  void run(const Sizes& sizes) const {
    if (name_ == "absent") return tell(BenchMiss{name_, 0, "it is not here"});
    if (name_ == "explosive") end();
    tell(BenchOpened{"1.0", 4});
    for (const std::int64_t size : sizes.empty() ? Sizes{1, 2, 4} : sizes) {
      if (name_ == "large" && size == 2) end();
      if (name_ == "choosy" && size == 2) {
        tell(BenchMiss{name_, size, "not this one"});
        continue;
      }
      BenchRow row{{}, name_, size, 0, 0, 0, 3};
      row.rss_mib = static_cast<double>(::getpid());
      tell(BenchMeasured{row, name_ == "tiny" ? 0.5 : 0});
    }
    if (name_ == "leaving") end();
  }

 private:
  static void end() { ::kill(::getpid(), SIGKILL); }
  void tell(const BenchReport& report) const { static_cast<void>(line_.send(message_of(report))); }

  const std::string name_;
  MessageLine& line_;
};

struct Heard {
  std::vector<std::string> lines;
  std::vector<double> processes;  // of each row
};

Heard heard_of(const std::vector<std::string>& backends, const Sizes& sizes = {}) {
  Heard heard;
  run_bench(backends, sizes,
            [](const std::string& name, const Sizes& left, MessageLine& line) {
              PlayedBackend(name, line).run(left);
            },
            {[&](const std::string& backend, const std::string& runtime) {
               heard.lines.push_back(backend + " is " + runtime);
             },
             [&](const BenchRow& row) {
               heard.lines.push_back(fmt::format("{} {}", row.backend, row.batch_size));
               heard.processes.push_back(row.rss_mib);
             },
             [&](const BenchMiss& miss) {
               const std::string what = describe_miss(miss);
               heard.lines.push_back("no " + what.substr(0, what.find(" (Killed)")));
             },
             [&](const BenchRow& row, double share) {
               heard.lines.push_back(fmt::format("{} {} {}", row.backend, row.batch_size, share));
             }});
  return heard;
}

TEST(BenchRun, gives_each_backend_a_process_for_all_of_its_sizes) {
  const Heard heard = heard_of({"one", "two"});
  EXPECT_EQ(heard.lines, (std::vector<std::string>{"one is 1.0", "one 1", "one 2", "one 4",
                                                   "two is 1.0", "two 1", "two 2", "two 4"}));
  ASSERT_EQ(heard.processes.size(), 6U);
  EXPECT_EQ(heard.processes[0], heard.processes[2]);
  EXPECT_NE(heard.processes[2], heard.processes[3]);
  EXPECT_NE(heard.processes[0], static_cast<double>(::getpid()));
}

TEST(BenchRun, measures_given_sizes_in_their_order) {
  EXPECT_EQ(heard_of({"one"}, {8, 1}).lines,
            (std::vector<std::string>{"one is 1.0", "one 8", "one 1"}));
}

TEST(BenchRun, goes_on_behind_a_backend_that_is_not_there) {
  EXPECT_EQ(heard_of({"absent", "one"}, {1}).lines,
            (std::vector<std::string>{"no absent: it is not here", "one is 1.0", "one 1"}));
}

TEST(BenchRun, goes_on_behind_a_size_that_fails) {
  const Heard heard = heard_of({"choosy"});
  EXPECT_EQ(heard.lines,
            (std::vector<std::string>{"choosy is 1.0", "choosy 1",
                                      "no choosy, batch size 2: not this one", "choosy 4"}));
  EXPECT_EQ(heard.processes[0], heard.processes[1]);
}

TEST(BenchRun, goes_on_in_another_process_behind_a_size_that_ends_one) {
  const Heard heard = heard_of({"large"});
  EXPECT_EQ(heard.lines,
            (std::vector<std::string>{"large is 1.0", "large 1",
                                      "no large, batch size 2: its process was ended by signal 9",
                                      "large 4"}));
  EXPECT_NE(heard.processes[0], heard.processes[1]);
}

TEST(BenchRun, gives_up_a_backend_that_ends_its_process_while_it_is_opened) {
  EXPECT_EQ(heard_of({"explosive", "one"}, {1}).lines,
            (std::vector<std::string>{"no explosive: its process was ended by signal 9",
                                      "one is 1.0", "one 1"}));
}

TEST(BenchRun, tells_of_a_backend_that_fails_on_its_way_out) {
  const Heard heard = heard_of({"leaving"}, {1});
  ASSERT_EQ(heard.lines.size(), 3U);
  EXPECT_EQ(heard.lines[2], "no leaving: its process was ended by signal 9");
}

TEST(BenchRun, tells_of_a_loop_that_takes_time_itself) {
  EXPECT_EQ(heard_of({"tiny"}, {1}).lines,
            (std::vector<std::string>{"tiny is 1.0", "tiny 1", "tiny 1 0.5"}));
}

}  // namespace
}  // namespace muster
