// SPDX-License-Identifier: Apache-2.0
#include "base/cpu_budget.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <sched.h>

namespace muster {
namespace {

namespace fs = std::filesystem;

// A cgroup file system as text files, in a folder of its test's own.
class CpuBudget : public ::testing::Test {
 protected:
  CpuBudget()
      : root_(fs::path(::testing::TempDir()) /
              (std::string("muster_cgroup_") +
               ::testing::UnitTest::GetInstance()->current_test_info()->name())) {
    fs::remove_all(root_);
    fs::create_directories(root_);
  }
  ~CpuBudget() override { fs::remove_all(root_); }

  void write(const std::string& file, const std::string& text) {
    fs::create_directories((root_ / file).parent_path());
    std::ofstream(root_ / file) << text;
  }
  [[nodiscard]] int quota(const std::string& membership) const {
    const std::optional<CpuQuota> found = cgroup_cpu_quota(root_.string(), membership);
    return found ? found->whole_cpus() : 0;
  }
  [[nodiscard]] std::string cpuset(const std::string& membership) const {
    return cgroup_cpuset(root_.string(), membership);
  }

  const fs::path root_;
};

TEST_F(CpuBudget, has_at_least_one_cpu_and_no_more_than_the_machine) {
  EXPECT_GE(available_cpus(), 1);
  EXPECT_LE(available_cpus(), static_cast<int>(std::max(1U, std::thread::hardware_concurrency())));
}

TEST_F(CpuBudget, names_the_cpus_that_this_process_may_run_on) {
  const CpuLimits limits = cpu_limits();
  EXPECT_EQ(cpus_in_list(limits.affinity_list), limits.affinity) << limits.affinity_list;
  EXPECT_GE(limits.online, limits.affinity);
  EXPECT_FALSE(processor_name().empty());
}

TEST_F(CpuBudget, follows_the_affinity_of_its_thread) {
  int seen = 0;
  std::string list;
  std::thread([&] {
    const std::string whole = cpu_limits().affinity_list;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(static_cast<unsigned>(std::stoi(whole)), &one);
    ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
    seen = available_cpus();
    list = cpu_limits().affinity_list;
  }).join();
  EXPECT_EQ(seen, 1);
  EXPECT_EQ(cpus_in_list(list), 1) << list;
}

TEST_F(CpuBudget, is_the_machine_where_nothing_else_limits) {
  const auto budget = cpu_budget({8, 8, "0-7", "0-7", std::nullopt});
  EXPECT_EQ(budget.cpus, 8);
  EXPECT_EQ(budget.decided_by, CpuLimit::kMachine);
}

TEST_F(CpuBudget, names_the_cpuset_where_the_mask_is_the_cpuset_s) {
  const auto budget = cpu_budget({8, 3, "0-1,4", "0-1,4", std::nullopt});
  EXPECT_EQ(budget.cpus, 3);
  EXPECT_EQ(budget.decided_by, CpuLimit::kCpuset);
}

TEST_F(CpuBudget, names_the_affinity_where_the_mask_is_smaller_than_the_cpuset) {
  const auto budget = cpu_budget({8, 2, "0-1", "0-3", std::nullopt});
  EXPECT_EQ(budget.cpus, 2);
  EXPECT_EQ(budget.decided_by, CpuLimit::kAffinity);
  EXPECT_EQ(cpu_budget({8, 2, "0-1", "", std::nullopt}).decided_by, CpuLimit::kAffinity);
}

TEST_F(CpuBudget, names_the_quota_where_it_is_the_least) {
  const CpuQuota quota{150'000, 100'000, "cpu.max"};
  EXPECT_DOUBLE_EQ(quota.cpus(), 1.5);
  const auto budget = cpu_budget({8, 4, "0-3", "0-3", quota});
  EXPECT_EQ(budget.cpus, 2);
  EXPECT_EQ(budget.decided_by, CpuLimit::kQuota);
  EXPECT_EQ(cpu_budget({8, 2, "0-1", "0-1", quota}).decided_by, CpuLimit::kCpuset);
}

TEST_F(CpuBudget, is_at_least_one_cpu) {
  EXPECT_EQ(cpu_budget({1, 0, "", "", std::nullopt}).cpus, 1);
  EXPECT_EQ(cpu_budget({8, 8, "0-7", "", CpuQuota{1, 100'000, ""}}).cpus, 1);
}

TEST_F(CpuBudget, counts_the_cpus_of_a_list) {
  EXPECT_EQ(cpus_in_list("0"), 1);
  EXPECT_EQ(cpus_in_list("0-3,8"), 5);
  EXPECT_EQ(cpus_in_list("0-65535"), 65536);
  for (const char* text : {"", ",", "0-", "-1", "3-1", "0,", "a", "0-65536", "1-2-3", " 0",
                           "0-65535,0", "0-9223372036854775807"}) {
    EXPECT_EQ(cpus_in_list(text), 0) << text;
  }
}

TEST_F(CpuBudget, reads_the_cpuset_of_the_nearest_group_that_names_one) {
  EXPECT_EQ(cpuset("0::/outer/inner\n"), "");
  write("cpuset.cpus.effective", "0-7\n");
  EXPECT_EQ(cpuset("0::/outer/inner\n"), "0-7");
  write("outer/cpuset.cpus.effective", "0-3\n");
  write("outer/inner/cpuset.cpus.effective", "\n");
  EXPECT_EQ(cpuset("0::/outer/inner\n"), "0-3");
  EXPECT_EQ(cpuset("0::/\n"), "0-7");
}

TEST_F(CpuBudget, reads_the_cpuset_of_v1) {
  write("cpuset/app/cpuset.cpus", "0-1\n");
  EXPECT_EQ(cpuset("5:cpuset:/app\n4:cpu,cpuacct:/other\n"), "0-1");
  EXPECT_EQ(cpuset("4:cpu,cpuacct:/app\n"), "");
  write("cpuset/app/cpuset.effective_cpus", "1\n");
  EXPECT_EQ(cpuset("5:cpuset:/app\n"), "1");
}

TEST_F(CpuBudget, says_which_file_the_quota_stands_in) {
  write("cpu.max", "300000 100000\n");
  write("app/cpu.max", "max 100000\n");
  const std::optional<CpuQuota> found = cgroup_cpu_quota(root_.string(), "0::/app\n");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->file, (root_ / "cpu.max").string());
}

TEST_F(CpuBudget, has_no_quota_where_no_file_says_so) {
  EXPECT_EQ(quota("0::/app\n"), 0);
  EXPECT_EQ(quota(""), 0);
}

TEST_F(CpuBudget, reads_a_v2_quota) {
  write("app/cpu.max", "200000 100000\n");
  EXPECT_EQ(quota("0::/app\n"), 2);
}

TEST_F(CpuBudget, counts_a_part_of_a_cpu_as_a_whole_one) {
  write("app/cpu.max", "150000 100000\n");
  EXPECT_EQ(quota("0::/app\n"), 2);
  write("app/cpu.max", "1000 100000\n");
  EXPECT_EQ(quota("0::/app\n"), 1);
}

TEST_F(CpuBudget, takes_the_word_max_for_no_quota) {
  write("app/cpu.max", "max 100000\n");
  EXPECT_EQ(quota("0::/app\n"), 0);
}

TEST_F(CpuBudget, heeds_the_tightest_v2_group_on_the_way_up) {
  write("cpu.max", "800000 100000\n");
  write("outer/cpu.max", "300000 100000\n");
  write("outer/inner/cpu.max", "max 100000\n");
  EXPECT_EQ(quota("0::/outer/inner\n"), 3);
}

TEST_F(CpuBudget, reads_the_root_where_the_path_leads_out_of_what_is_mounted) {
  write("cpu.max", "400000 100000\n");
  EXPECT_EQ(quota("0::/system.slice/container/of/the/host\n"), 4);
  EXPECT_EQ(quota("0::/\n"), 4);
}

TEST_F(CpuBudget, reads_a_v1_quota) {
  write("cpu/app/cpu.cfs_quota_us", "250000\n");
  write("cpu/app/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(quota("4:cpu,cpuacct:/app\n"), 3);
  EXPECT_EQ(quota("4:cpuacct,cpu:/app\n"), 3);
  EXPECT_EQ(quota("4:cpu:/app\n"), 3);
}

TEST_F(CpuBudget, takes_minus_one_of_v1_for_no_quota) {
  write("cpu/app/cpu.cfs_quota_us", "-1\n");
  write("cpu/app/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(quota("4:cpu,cpuacct:/app\n"), 0);
}

TEST_F(CpuBudget, does_not_take_the_cpuset_controller_for_the_cpu_controller) {
  write("cpu/shared/cpu.cfs_quota_us", "100000\n");
  write("cpu/shared/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(quota("5:cpuset:/shared\n4:cpu,cpuacct:/other\n3:cpuacct:/shared\n"), 0);
}

TEST_F(CpuBudget, reads_v1_and_v2_beside_each_other) {
  write("cpu/app/cpu.cfs_quota_us", "500000\n");
  write("cpu/app/cpu.cfs_period_us", "100000\n");
  write("app/cpu.max", "200000 100000\n");
  EXPECT_EQ(quota("4:cpu,cpuacct:/app\n1:name=systemd:/app\n0::/app\n"), 2);
}

TEST_F(CpuBudget, takes_nonsense_for_no_quota) {
  for (const char* text : {"", "\n", "x y", "100000", "100000 0", "100000 -5", "-100000 100000",
                           "0 100000", "99999999999999999999 100000", "1e5 100000"}) {
    write("app/cpu.max", text);
    EXPECT_EQ(quota("0::/app\n"), 0) << text;
  }
}

TEST_F(CpuBudget, bounds_a_quota_that_would_overflow) {
  write("app/cpu.max", "9223372036854775807 2\n");
  EXPECT_EQ(quota("0::/app\n"), 65536);
}

TEST_F(CpuBudget, passes_over_lines_that_are_no_membership) {
  write("app/cpu.max", "200000 100000\n");
  EXPECT_EQ(quota("nonsense\n:\n\n0::/app"), 2);
}

}  // namespace
}  // namespace muster
