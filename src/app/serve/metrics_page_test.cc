// SPDX-License-Identifier: Apache-2.0
#include "app/serve/metrics_page.h"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

namespace muster {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

class MetricsPageTest : public testing::Test {
 protected:
  // Series with its labels -> value.
  std::map<std::string, double> read() {
    MetricsPage page({[this](const MetricsPage::VisitVersion& visit) {
                        visit({"lenet", 3, state_, milliseconds(20), "Fake 1.0 with cuda",
                               *counted_, preparation_});
                      },
                      [] { return true; }, [this] { return gpus_; }, frontend_, "1.2.3"});
    std::map<std::string, double> series;
    std::istringstream text(page.text());
    for (std::string line; std::getline(text, line);) {
      if (line.starts_with('#')) continue;
      const std::size_t end = line.rfind(' ');
      const bool is_new =
          series.emplace(line.substr(0, end), std::strtod(line.c_str() + end, nullptr)).second;
      EXPECT_TRUE(is_new) << line;
    }
    return series;
  }
  double value(const std::string& series) {
    const auto all = read();
    const auto found = all.find(series);
    EXPECT_NE(found, all.end()) << series;
    return found == all.end() ? -1 : found->second;
  }
  BatchingMetrics& batching() { return counted_->batching; }
  // Of 20 ms, with what is known of a batch of one row.
  void tell_of_a_latency_target() {
    CostLearner learner(1);
    learner.guess(1, milliseconds(4));
    batching().target.target_ns.set(20'000'000);
    batching().target.tell(learner.curve());
  }
  // One that tells everything.
  void plug_in_a_gpu() {
    GpuSample sample{{1, "GPU-1234", "Fake \"L4\""}, {}, 7.5};
    sample.reading = {true, 0.5, 0.25, 100'000, 2000, 70.5, 72.0, 900.25, 1.5e9, 6e9, 41.0};
    gpus_.push_back(sample);
  }

  const std::unique_ptr<VersionMetrics> counted_ = std::make_unique<VersionMetrics>();
  FrontendMetrics frontend_;
  std::vector<GpuSample> gpus_;
  ModelState state_ = ModelState::kReady;
  ModelPreparation preparation_;
};

std::set<std::string> golden(const std::string& name) {
  std::set<std::string> series;
  std::ifstream file(MUSTER_SOURCE_DIR "/tests/golden/" + name);
  for (std::string line; std::getline(file, line);)
    if (!line.starts_with('#')) series.insert(line);
  return series;
}

// What is added to the page, or goes from it, is seen by those who review these files.
TEST_F(MetricsPageTest, exports_the_series_of_the_golden_files) {
  std::set<std::string> expected = golden("metrics.txt");
  const auto found = [this] {
    std::set<std::string> names;
    for (const auto& [series, value] : read())
      names.insert(series);
    return names;
  };
  EXPECT_EQ(found(), expected)
      << "where this is meant, change tests/golden/metrics.txt and docs/metrics.md";
  plug_in_a_gpu();
  expected.merge(golden("metrics_of_a_gpu.txt"));
  EXPECT_EQ(found(), expected)
      << "where this is meant, change tests/golden/metrics_of_a_gpu.txt and docs/metrics.md";
  tell_of_a_latency_target();
  expected.merge(golden("metrics_of_a_latency_target.txt"));
  EXPECT_EQ(found(), expected) << "where this is meant, change "
                                  "tests/golden/metrics_of_a_latency_target.txt and "
                                  "docs/metrics.md";
}

TEST_F(MetricsPageTest, tells_what_a_latency_target_has_learned_and_decided) {
  tell_of_a_latency_target();
  TargetMetrics& target = batching().target;
  target.tell(250.0, steady_clock().now() + std::chrono::hours(1));
  target.note(TargetChoice::kDrop);
  target.dropped.add(3);
  target.delivery_ns.set(500'000);
  const std::string labels = "{model=\"lenet\",version=\"3\"";
  EXPECT_EQ(value("muster_latency_target_seconds" + labels + "}"), 0.02);
  EXPECT_EQ(value("muster_answer_delivery_seconds" + labels + "}"), 0.0005);
  EXPECT_EQ(value("muster_arrival_rows_per_second" + labels + "}"), 250);
  EXPECT_EQ(value("muster_batch_cost_seconds" + labels + ",rows=\"1\",estimate=\"typical\"}"),
            0.004);
  EXPECT_GT(value("muster_batch_cost_seconds" + labels + ",rows=\"1\",estimate=\"cautious\"}"),
            0.004);
  EXPECT_EQ(value("muster_target_decisions_total" + labels + ",decision=\"drop\"}"), 1);
  EXPECT_EQ(value("muster_requests_dropped_total" + labels + "}"), 3);
}

TEST_F(MetricsPageTest, tells_what_a_gpu_says) {
  plug_in_a_gpu();
  const std::string labels = R"({gpu="1",uuid="GPU-1234",name="Fake \"L4\""})";
  EXPECT_EQ(value("muster_gpu_up" + labels), 1);
  EXPECT_EQ(value("muster_gpu_utilization_ratio" + labels), 0.5);
  EXPECT_EQ(value("muster_gpu_memory_utilization_ratio" + labels), 0.25);
  EXPECT_EQ(value("muster_gpu_memory_total_bytes" + labels), 100'000);
  EXPECT_EQ(value("muster_gpu_memory_used_bytes" + labels), 2000);
  EXPECT_EQ(value("muster_gpu_power_watts" + labels), 70.5);
  EXPECT_EQ(value("muster_gpu_power_limit_watts" + labels), 72);
  EXPECT_EQ(value("muster_gpu_energy_joules_total" + labels), 900.25);
  EXPECT_EQ(value("muster_gpu_sm_clock_hertz" + labels), 1.5e9);
  EXPECT_EQ(value("muster_gpu_memory_clock_hertz" + labels), 6e9);
  EXPECT_EQ(value("muster_gpu_temperature_celsius" + labels), 41);
  const std::string triton = "{gpu_uuid=\"GPU-1234\"}";
  EXPECT_EQ(value("nv_gpu_utilization" + triton), 0.5);
  EXPECT_EQ(value("nv_gpu_memory_total_bytes" + triton), 100'000);
  EXPECT_EQ(value("nv_gpu_memory_used_bytes" + triton), 2000);
  EXPECT_EQ(value("nv_gpu_power_usage" + triton), 70.5);
  EXPECT_EQ(value("nv_gpu_power_limit" + triton), 72);
  EXPECT_EQ(value("nv_energy_consumption" + triton), 7.5);
}

TEST_F(MetricsPageTest, leaves_out_what_a_gpu_does_not_say) {
  plug_in_a_gpu();
  gpus_.push_back({{2, "GPU-5678", "Other"}, {}, std::nullopt});
  const std::string labels = R"({gpu="2",uuid="GPU-5678",name="Other"})";
  EXPECT_EQ(value("muster_gpu_up" + labels), 0);
  const auto of_other = [this] {
    std::set<std::string> names;
    for (const auto& [series, value] : read())
      if (series.find("GPU-5678") != std::string::npos) names.insert(series);
    return names;
  };
  EXPECT_EQ(of_other(), std::set<std::string>{"muster_gpu_up" + labels});
  gpus_[1].reading.answers = true;
  gpus_[1].reading.power_watts = 30;
  EXPECT_EQ(of_other(),
            (std::set<std::string>{"muster_gpu_up" + labels, "muster_gpu_power_watts" + labels,
                                   "nv_gpu_power_usage{gpu_uuid=\"GPU-5678\"}"}));
}

TEST_F(MetricsPageTest, explains_every_name_in_the_document) {
  plug_in_a_gpu();
  tell_of_a_latency_target();
  std::ifstream file(MUSTER_SOURCE_DIR "/docs/metrics.md");
  std::stringstream document;
  document << file.rdbuf();
  for (const auto& [series, value] : read()) {
    std::string name = series.substr(0, series.find('{'));
    for (const char* part : {"_bucket", "_sum", "_count"})
      if (series.find("_seconds_") != std::string::npos || series.starts_with("muster_batch_rows"))
        if (name.ends_with(part)) name.resize(name.size() - std::string_view(part).size());
    EXPECT_NE(document.str().find("`" + name), std::string::npos) << name;
  }
}

TEST_F(MetricsPageTest, tells_how_requests_ended) {
  batching().succeeded.record(microseconds(70));
  batching().succeeded.record(milliseconds(3));
  batching().failed.add(milliseconds(1));
  batching().expired.add(milliseconds(1));
  batching().cancelled.add(milliseconds(1));
  batching().refused.add(5);
  counted_->not_fitting.add(6);
  const std::string labels = "{model=\"lenet\",version=\"3\",outcome=\"";
  EXPECT_EQ(value("muster_requests_total" + labels + "success\"}"), 2);
  EXPECT_EQ(value("muster_requests_total" + labels + "failure\"}"), 1);
  EXPECT_EQ(value("muster_requests_total" + labels + "expired\"}"), 1);
  EXPECT_EQ(value("muster_requests_total" + labels + "cancelled\"}"), 1);
  EXPECT_EQ(value("muster_requests_total" + labels + "refused\"}"), 5);
  EXPECT_EQ(value("muster_requests_total" + labels + "invalid\"}"), 6);
  const std::string triton = "nv_inference_request_failure{model=\"lenet\",version=\"3\",reason=\"";
  EXPECT_EQ(value(triton + "REJECTED\"}"), 6);
  EXPECT_EQ(value(triton + "CANCELED\"}"), 1);
  EXPECT_EQ(value(triton + "BACKEND\"}"), 1);
  EXPECT_EQ(value("nv_inference_request_success{model=\"lenet\",version=\"3\"}"), 2);
  EXPECT_EQ(value("nv_inference_request_duration_us{model=\"lenet\",version=\"3\"}"), 3070);
}

TEST_F(MetricsPageTest, has_histograms_in_seconds_that_add_up) {
  batching().succeeded.record(microseconds(70));
  batching().succeeded.record(milliseconds(3));
  batching().succeeded.record(std::chrono::minutes(1));
  const std::string name = "muster_request_duration_seconds";
  const std::string labels = "{model=\"lenet\",version=\"3\"";
  EXPECT_EQ(value(name + "_bucket" + labels + ",le=\"5e-05\"}"), 0);
  EXPECT_EQ(value(name + "_bucket" + labels + ",le=\"0.0001\"}"), 1);
  EXPECT_EQ(value(name + "_bucket" + labels + ",le=\"0.005\"}"), 2);
  EXPECT_EQ(value(name + "_bucket" + labels + ",le=\"10\"}"), 2);
  EXPECT_EQ(value(name + "_bucket" + labels + ",le=\"+Inf\"}"), 3);
  EXPECT_EQ(value(name + "_count" + labels + "}"), 3);
  EXPECT_NEAR(value(name + "_sum" + labels + "}"), 60.00307, 1e-9);
}

TEST_F(MetricsPageTest, counts_batches_by_size_and_reason) {
  for (const std::int64_t rows : {1, 3, 64, 256, 300, 65536}) {
    batching().batch_rows.record(rows);
    batching().rows.add(static_cast<std::uint64_t>(rows));
  }
  batching().batches_by_reason[static_cast<std::size_t>(CloseReason::kFull)].add(2);
  batching().batches_by_reason[static_cast<std::size_t>(CloseReason::kDelay)].add(4);
  const std::string labels = "{model=\"lenet\",version=\"3\"";
  EXPECT_EQ(value("muster_batch_rows_bucket" + labels + ",le=\"2\"}"), 1);
  EXPECT_EQ(value("muster_batch_rows_bucket" + labels + ",le=\"64\"}"), 3);
  EXPECT_EQ(value("muster_batch_rows_bucket" + labels + ",le=\"255\"}"), 3);
  EXPECT_EQ(value("muster_batch_rows_bucket" + labels + ",le=\"511\"}"), 5);
  EXPECT_EQ(value("muster_batch_rows_bucket" + labels + ",le=\"4095\"}"), 5);
  EXPECT_EQ(value("muster_batch_rows_bucket" + labels + ",le=\"+Inf\"}"), 6);
  EXPECT_EQ(value("muster_batch_rows_sum" + labels + "}"), 66160);
  EXPECT_EQ(value("muster_inferences_total" + labels + "}"), 66160);
  EXPECT_EQ(value("muster_batches_total" + labels + ",reason=\"full\"}"), 2);
  EXPECT_EQ(value("muster_batches_total" + labels + ",reason=\"delay\"}"), 4);
  batching().batches_split.add(3);
  EXPECT_EQ(value("muster_batches_split_total" + labels + "}"), 3);
  EXPECT_EQ(value("nv_inference_exec_count" + labels + "}"), 6);
}

TEST_F(MetricsPageTest, tells_what_waits_and_what_is_open) {
  batching().accepted.add(9);
  batching().taken.add(4);
  batching().succeeded.record(microseconds(1));
  frontend_.http.connections_accepted.add(7);
  frontend_.http.connections_closed.add(2);
  frontend_.grpc.requests.add(5);
  frontend_.grpc.requests_answered.add(5);
  EXPECT_EQ(value("muster_requests_waiting{model=\"lenet\",version=\"3\"}"), 5);
  EXPECT_EQ(value("nv_inference_pending_request_count{model=\"lenet\",version=\"3\"}"), 5);
  EXPECT_EQ(value("muster_requests_in_flight{model=\"lenet\",version=\"3\"}"), 3);
  EXPECT_EQ(value("muster_frontend_connections_open{transport=\"http\"}"), 5);
  EXPECT_EQ(value("muster_frontend_requests_in_flight{transport=\"grpc\"}"), 0);
}

TEST_F(MetricsPageTest, tells_a_models_state_as_one_of_all) {
  state_ = ModelState::kUnavailable;
  counted_->failed_loads.add();
  const std::string labels = "{model=\"lenet\",version=\"3\",";
  EXPECT_EQ(value("muster_model_state" + labels + "state=\"ready\"}"), 0);
  EXPECT_EQ(value("muster_model_state" + labels + "state=\"unavailable\"}"), 1);
  EXPECT_EQ(value("muster_model_loads_total" + labels + "outcome=\"failure\"}"), 1);
  counted_->cache_hits.add(5);
  counted_->cache_misses.add(2);
  counted_->cache_rebuilt.add();
  EXPECT_EQ(value("muster_compiled_model_cache_total" + labels + "result=\"hit\"}"), 5);
  EXPECT_EQ(value("muster_compiled_model_cache_total" + labels + "result=\"miss\"}"), 2);
  EXPECT_EQ(value("muster_compiled_model_cache_total" + labels + "result=\"rebuilt\"}"), 1);
  EXPECT_EQ(value("muster_model_runtime_info" + labels + "runtime=\"Fake 1.0 with cuda\"}"), 1);
  EXPECT_NEAR(value("muster_model_load_seconds{model=\"lenet\",version=\"3\"}"), 0.02, 1e-12);
}

TEST_F(MetricsPageTest, tells_how_far_a_preparation_is_and_how_they_ended) {
  const std::string labels = "{model=\"lenet\",version=\"3\"";
  EXPECT_EQ(value("muster_model_preparation_state" + labels + ",state=\"none\"}"), 1);
  preparation_.state = PreparationState::kBuilding;
  preparation_.done = 0.25;
  counted_->preparations_different.add(2);
  EXPECT_EQ(value("muster_model_preparation_state" + labels + ",state=\"none\"}"), 0);
  EXPECT_EQ(value("muster_model_preparation_state" + labels + ",state=\"building\"}"), 1);
  EXPECT_EQ(value("muster_model_preparation_progress_ratio" + labels + "}"), 0.25);
  EXPECT_EQ(value("muster_model_preparations_total" + labels + ",outcome=\"differs\"}"), 2);
  EXPECT_EQ(value("muster_model_preparations_total" + labels + ",outcome=\"in_use\"}"), 0);
}

TEST(ProcessCountsTest, are_those_of_this_process) {
  const ProcessCounts counts = read_process_counts();
  EXPECT_GE(counts.threads, 1U);
  EXPECT_GT(counts.resident_bytes, 1U << 20);
  EXPECT_GT(counts.virtual_bytes, counts.resident_bytes);
  EXPECT_GE(counts.open_files, 3U);
  EXPECT_GE(counts.max_files, counts.open_files);
  const double now =
      std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  EXPECT_LE(counts.start_seconds, now + 2);
  EXPECT_GT(counts.start_seconds, now - 3600);
}

TEST(ProcessCountsTest, are_read_behind_any_name_of_the_program) {
  const std::filesystem::path proc =
      std::filesystem::path(testing::TempDir()) / ("muster_proc_" + std::to_string(::getpid()));
  std::filesystem::create_directories(proc / "self" / "fd");
  std::ofstream(proc / "stat") << "cpu  10 0 20 60 10 0 0 0 0 0\nbtime 1000\n";
  std::ofstream(proc / "meminfo") << "MemTotal: 100 kB\nMemAvailable: 30 kB\n";
  std::ofstream(proc / "self" / "stat")
      << "7 (a) 1 (b) R 1 1 1 0 -1 0 0 0 0 0 150 50 0 0 20 0 9 0 500 4096 3 0 0\n";
  const ProcessCounts process = read_process_counts(proc);
  const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  EXPECT_EQ(process.threads, 9U);
  EXPECT_NEAR(process.cpu_seconds, 200 / ticks, 1e-9);
  EXPECT_NEAR(process.start_seconds, 1000 + 500 / ticks, 1e-9);
  EXPECT_EQ(process.virtual_bytes, 4096U);
  const MachineCounts machine = read_machine_counts(proc);
  EXPECT_EQ(machine.all_ticks, 100U);
  EXPECT_EQ(machine.busy_ticks, 30U);
  EXPECT_EQ(machine.memory_used_bytes, 70U * 1024);
  std::filesystem::remove_all(proc);
  EXPECT_EQ(read_process_counts(proc).threads, 0U);
  EXPECT_EQ(read_machine_counts(proc).all_ticks, 0U);
}

}  // namespace
}  // namespace muster
