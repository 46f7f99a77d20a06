// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "app/advise/advice.h"

namespace muster {
namespace {

MeasuredCandidate measured(Setup setup, std::int64_t batch_size, double rate, double memory_mib) {
  MeasuredCandidate one;
  one.candidate = {std::move(setup), batch_size};
  one.figures = {rate, 2, 2.5, 40};
  one.rounds = 5;
  one.alone_ms = 0.25;
  one.memory_mib = memory_mib;
  return one;
}

Advice advice_of(std::vector<MeasuredCandidate> found) {
  Advice advice;
  advice.model = "lenet";
  advice.goal.own_backend = "onnxruntime";
  advice.processor = "AMD EPYC";
  advice.thread_budget = 2;
  advice.seconds = 60;
  advice.found.measured = std::move(found);
  advice.found.leaders = 3;
  advice.found.rounds = 5;
  advice.ranked = judge(advice.found.measured, advice.goal);
  return advice;
}

Advice usual_advice() {
  return advice_of(
      {measured({"onnxruntime", 2, 1}, 64, 1000, 12), measured({"onnxruntime", 2, 1}, 32, 900, 9),
       measured({"onnxruntime", 1, 2}, 64, 700, 8), measured({"openvino", 2, 1}, 64, 800, 30)});
}

std::string about(const Advice& advice, std::string_view what) {
  for (const TradeOff& one : trade_offs(advice))
    if (one.about == what) return one.text;
  return "nothing";
}

TEST(AdviceWords, weigh_instances_against_threads) {
  EXPECT_EQ(about(usual_advice(), "deployment"),
            "2 instances of 1 thread keep up to 2 of 2 processors busy: other models, HTTP and "
            "gRPC take turns with it when it is at full load. With 1 instance of 2 threads: 700 "
            "rows a second (30 % fewer); a row alone takes 0.25 ms and not 0.25.");
  EXPECT_EQ(about(advice_of({measured({"onnxruntime", 1, 1}, 64, 1000, 12)}), "deployment"),
            "1 instance of 1 thread keeps up to 1 of 2 processors busy: the others are left to "
            "other models, HTTP and gRPC.");
  // How many processors a GPU leaves idle is no question of instances.
  EXPECT_EQ(about(advice_of({measured({"tensorrt", 1, 1}, 64, 1000, 12)}), "deployment"),
            "1 instance on a GPU, which models there take turns with; processors fill and empty "
            "its batches.");
}

TEST(AdviceWords, name_the_best_of_each_other_backend_and_those_that_failed) {
  Advice advice = usual_advice();
  advice.found.misses.push_back({"tensorrt", {}, {}, "it is not installed"});
  EXPECT_EQ(about(advice, "backend"),
            "onnxruntime, the model's own. The best of openvino: 800 rows a second (20 % fewer), 2 "
            "instances of 1 thread, batches of 64. tensorrt could not be measured. Whether answers "
            "are the same, muster verify says.");
}

TEST(AdviceWords, say_what_a_full_batch_and_half_of_one_cost) {
  Advice advice = usual_advice();
  advice.goal.queue_delay_ms = 1;
  advice.ranked = judge(advice.found.measured, advice.goal);
  EXPECT_EQ(
      about(advice, "dynamic batch"),
      "A full batch of 64 runs 2 ms; 99 of 100 requests that just miss one are answered "
      "within 6 ms, as long as no more comes than can be run. 1 ms of that are the delay that "
      "the configuration lets requests wait. Batches are only as large as what waits: a row "
      "that comes alone runs 0.25 ms. With at most 32: 900 rows a second (10 % fewer), 6 "
      "ms.");
  advice.single_rows = "output 'y' does not follow the rows";
  EXPECT_EQ(about(advice, "dynamic batch"),
            "Requests run one by one: output 'y' does not follow the rows.");
}

TEST(AdviceWords, say_what_takes_the_least_memory) {
  EXPECT_EQ(about(usual_advice(), "memory"),
            "About 12 MiB beside the runtime's own, with 2 instances at work on batches of 64. The "
            "least of all that suit is 8 MiB: onnxruntime, 1 instance of 2 threads, batches of 64, "
            "700 rows a second (30 % fewer).");
}

TEST(AdviceWords, tell_of_noise_and_of_too_little_time) {
  Advice advice = usual_advice();
  EXPECT_TRUE(remarks(advice).empty());
  advice.found.noise = 0.25;
  advice.ranked.front().measured.rounds = 0;
  const auto texts = remarks(advice);
  ASSERT_EQ(texts.size(), 2U);
  EXPECT_NE(texts[0].find("differ by up to 25 %"), std::string::npos);
  EXPECT_NE(texts[1].find("60 s were too short"), std::string::npos);
}

TEST(AdviceWords, advise_nothing_that_does_not_do_what_was_asked_for) {
  Advice advice = usual_advice();
  advice.goal.latency_ms = 1;
  advice.ranked = judge(advice.found.measured, advice.goal);
  EXPECT_FALSE(advice.is_found());
  EXPECT_TRUE(trade_offs(advice).empty());
  EXPECT_NE(advice_words(advice).find("advice        none: nothing that was measured gives the "
                                      "most rows a second, full batches within 1 ms"),
            std::string::npos);
}

TEST(AdviceTable, shows_the_best_and_says_how_many_more_there_are) {
  std::vector<MeasuredCandidate> many;
  for (int size = 1; size <= 20; ++size)
    many.push_back(measured({"onnxruntime", 1, 1}, size, size * 100, 1));
  Advice advice = advice_of(std::move(many));
  advice.found.misses.push_back({"openvino", {}, {}, "it is not installed"});
  const std::string table = advice_table(advice);
  EXPECT_NE(table.find("lenet: the most rows a second; 60 s on 2 threads, 20 measured, 3 of them "
                       "in 5 rounds\n"),
            std::string::npos);
  EXPECT_NE(table.find("and 8 more"), std::string::npos);
  EXPECT_NE(table.find("not measured: openvino: it is not installed\n"), std::string::npos);
  const std::string csv = advice_csv(advice);
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 21);
}

TEST(AdviceCsv, has_a_field_for_every_column) {
  const std::string csv = advice_csv(advice_of({measured({"onnxruntime", 1, 1}, 8, 100, 1)}));
  const auto commas_of = [](std::string_view line) {
    return std::count(line.begin(), line.end(), ',');
  };
  const std::size_t end = csv.find('\n');
  EXPECT_EQ(commas_of(csv.substr(0, end)), commas_of(csv.substr(end + 1)));
}

TEST(AdviceJson, is_one_object_on_a_line) {
  Advice advice = usual_advice();
  advice.found.misses.push_back({"openvino", muster::Setup{"openvino", 1, 2}, {4, 8}, "\"why\""});
  const std::string json = advice_json(advice, {"name: \"x\"", "models/x/config.pbtxt", true});
  EXPECT_EQ(std::count(json.begin(), json.end(), '\n'), 1);
  EXPECT_NE(json.find(R"("config":"name: \"x\"","config_path":"models/x/config.pbtxt",)"
                      R"("written":true})"),
            std::string::npos);
  EXPECT_NE(json.find(R"({"backend":"openvino","instances":1,"threads":2,"batch_sizes":[4,8],)"
                      R"("reason":"\"why\""})"),
            std::string::npos);
  EXPECT_NE(advice_json(advice, {}).find(R"("config":null,"config_path":null,"written":false})"),
            std::string::npos);
}

}  // namespace
}  // namespace muster
