// SPDX-License-Identifier: Apache-2.0
#include "app/runtime_report.h"

#include <algorithm>
#include <cstdint>
#include <optional>

#include <gtest/gtest.h>

namespace muster {
namespace {

RuntimeReport report_of_a_container() {
  RuntimeReport report;
  report.processor = "A processor";
  report.limits = {16, 8, "0-7", "0-7", CpuQuota{250'000, 100'000, "/sys/fs/cgroup/cpu.max"}};
  report.budget = 3;
  report.server = {1, 2, 4, 3};
  report.gpus = {"550.1",
                 "",
                 {{{0, "GPU-1234", "A \"GPU\""}, std::uint64_t{3} << 29, true},
                  {{2, "GPU-5678", "Other"}, std::nullopt, false}},
                 ""};
  report.backends.push_back({"onnxruntime",
                             "/opt/libmuster_onnxruntime.so",
                             "ONNX Runtime 1.0",
                             "/opt/libonnxruntime.so.1",
                             {"CPUExecutionProvider", "Other"}});
  report.backends.push_back(
      {"torn", "/opt/libmuster_torn.so", {}, {}, {}, "it \"does\" not load\n"});
  return report;
}

TEST(RuntimeReport, is_a_table_for_people) {
  EXPECT_EQ(runtime_table(report_of_a_container()),
            "machine\n"
            "  processor     A processor\n"
            "  CPUs          16; this process may run on 8: 0-7\n"
            "  cpuset        0-7\n"
            "  quota         2.5 CPUs, by /sys/fs/cgroup/cpu.max\n"
            "  thread budget 3: the quota of its cgroup, rounded up\n"
            "threads of muster serve\n"
            "  models        one for each instance that runs, and a pool of 2 for all models of a "
            "backend\n"
            "  a run         up to 3, the thread budget divided by the model's instances\n"
            "  HTTP          1\n"
            "  gRPC          2\n"
            "  pictures      3\n"
            "  loading       4, at low priority beside models that serve\n"
            "  spinning      off: a thread without work sleeps\n"
            "GPUs\n"
            "  driver        550.1\n"
            "  CUDA          unknown\n"
            "  GPU 0         A \"GPU\", 1.5 GiB, GPU-1234\n"
            "  GPU 2         Other, memory unknown, GPU-5678, hidden by CUDA_VISIBLE_DEVICES\n"
            "backend onnxruntime\n"
            "  file          /opt/libmuster_onnxruntime.so\n"
            "  runtime       ONNX Runtime 1.0\n"
            "  library       /opt/libonnxruntime.so.1\n"
            "  devices       CPUExecutionProvider\n"
            "                Other\n"
            "backend torn\n"
            "  file          /opt/libmuster_torn.so\n"
            "  fault         it \"does\" not load\\x0a\n");
}

TEST(RuntimeReport, is_one_json_object_on_a_line) {
  EXPECT_EQ(
      runtime_json(report_of_a_container()),
      R"({"machine":{"processor":"A processor","cpus":16,"usable_cpus":8,"affinity":"0-7",)"
      R"("cpuset":"0-7","quota_cpus":2.5,"quota_file":"/sys/fs/cgroup/cpu.max"},)"
      R"("thread_budget":{"threads":3,"decided_by":"quota",)"
      R"("reason":"the quota of its cgroup, rounded up"},)"
      R"("threads":{"per_run":3,"shared_pool":2,"http":1,"grpc":2,"pictures":3,"loading":4,)"
      R"("spinning":false},"gpus":{"driver":"550.1","cuda":"","devices":[)"
      R"({"index":0,"uuid":"GPU-1234","name":"A \"GPU\"","memory_bytes":1610612736,)"
      R"("visible":true},)"
      R"({"index":2,"uuid":"GPU-5678","name":"Other","memory_bytes":null,"visible":false}],)"
      R"("fault":""},"backends":[)"
      R"({"name":"onnxruntime","file":"/opt/libmuster_onnxruntime.so",)"
      R"("version":"ONNX Runtime 1.0","library":"/opt/libonnxruntime.so.1",)"
      R"("devices":["CPUExecutionProvider","Other"],"fault":""},)"
      R"({"name":"torn","file":"/opt/libmuster_torn.so","version":"","library":"","devices":[],)"
      R"("fault":"it \"does\" not load\u000a"}]})"
      "\n");
}

TEST(RuntimeReport, says_why_the_budget_is_what_it_is) {
  RuntimeReport report;
  report.limits = {8, 8, "0-7", "", std::nullopt};
  EXPECT_EQ(reason_of_budget(report), "all CPUs of the machine, which nothing limits");
  report.limits = {8, 4, "0-3", "", std::nullopt};
  EXPECT_EQ(reason_of_budget(report), "the process's affinity mask");
  report.limits.cpuset_list = "0-3";
  EXPECT_EQ(reason_of_budget(report), "the cpuset of its cgroup");
  report.said = 2;
  EXPECT_EQ(reason_of_budget(report), "asked for by --threads, where this process may use 4");
  report.said = 9;
  EXPECT_EQ(reason_of_budget(report),
            "asked for by --threads, where this process may use 4: they will take turns");
}

TEST(RuntimeReport, has_no_quota_and_no_backend_where_there_are_none) {
  RuntimeReport report;
  report.limits = {8, 8, "0-7", "", std::nullopt};
  EXPECT_NE(runtime_table(report).find("  quota         none\n"), std::string::npos);
  EXPECT_NE(runtime_table(report).find("no backend is part of this installation\n"),
            std::string::npos);
  EXPECT_NE(runtime_json(report).find(R"("quota_cpus":null,"quota_file":null)"), std::string::npos);
  EXPECT_NE(runtime_json(report).find(R"("backends":[]})"), std::string::npos);
}

TEST(RuntimeReport, tells_how_much_cuda_the_driver_can_do) {
  RuntimeReport report;
  report.gpus.cuda = "12.4";
  EXPECT_NE(runtime_table(report).find("  CUDA          up to 12.4\n"), std::string::npos);
}

TEST(RuntimeReport, says_why_there_is_no_gpu) {
  RuntimeReport report;
  report.gpus.fault = "there is no \"NVML\"";
  EXPECT_NE(runtime_table(report).find("GPUs\n  none          there is no \"NVML\"\n"),
            std::string::npos);
  EXPECT_NE(runtime_json(report).find(R"("devices":[],"fault":"there is no \"NVML\""},)"),
            std::string::npos);
}

TEST(RuntimeReport, follows_the_budget_that_was_asked_for) {
  const RuntimeReport report = examine_runtime(5, {1, 1, 4, 0}, {});
  EXPECT_EQ(report.budget, 5);
  EXPECT_EQ(report.server.pictures, 5U);
  EXPECT_EQ(examine_runtime(0, {}, {}).budget, available_cpus());
}

}  // namespace
}  // namespace muster
