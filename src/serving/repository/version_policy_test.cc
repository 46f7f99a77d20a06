// SPDX-License-Identifier: Apache-2.0
#include "serving/repository/version_policy.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace muster {
namespace {

using Versions = std::vector<std::int64_t>;

VersionSnapshot wanted(std::int64_t version) {
  return {version, true, false, false, false};
}
VersionSnapshot wanted_and_running(std::int64_t version) {
  return {version, true, true, true, false};
}
VersionSnapshot outdated(std::int64_t version) {
  return {version, true, true, false, false};
}
VersionSnapshot unwanted(std::int64_t version) {
  return {version, false, true, false, false};
}
VersionSnapshot failed(std::int64_t version) {
  return {version, true, false, false, true};
}

// "load 2", "unload 1", "nothing"
std::string step(const std::vector<VersionSnapshot>& versions) {
  const auto next = next_step(versions);
  if (!next) return "nothing";
  return (next->kind == VersionStep::Kind::kLoad ? "load " : "unload ") +
         std::to_string(next->version);
}

TEST(WantedVersions, are_the_newest) {
  VersionChoice choice;
  EXPECT_EQ(*wanted_versions(choice, Versions{3, 10, 2}), (Versions{10}));
  choice.latest = 2;
  EXPECT_EQ(*wanted_versions(choice, Versions{3, 10, 2}), (Versions{3, 10}));
  choice.latest = 9;
  EXPECT_EQ(*wanted_versions(choice, Versions{3, 10, 2}), (Versions{2, 3, 10}));
}

TEST(WantedVersions, are_all_or_those_that_are_named) {
  VersionChoice choice;
  choice.kind = VersionChoice::Kind::kAll;
  EXPECT_EQ(*wanted_versions(choice, Versions{2, 1}), (Versions{1, 2}));
  choice.kind = VersionChoice::Kind::kSpecific;
  choice.specific = {1, 5};
  EXPECT_EQ(*wanted_versions(choice, Versions{2, 1}), (Versions{1}));
  choice.specific = {5};
  EXPECT_EQ(wanted_versions(choice, Versions{2, 1}).status().code(), StatusCode::kNotFound);
}

TEST(WantedVersions, are_missed_where_there_are_none) {
  EXPECT_EQ(wanted_versions({}, Versions{}).status().code(), StatusCode::kNotFound);
}

TEST(NextStep, loads_what_is_wanted_newest_first) {
  EXPECT_EQ(step({wanted(1), wanted(2)}), "load 2");
  EXPECT_EQ(step({wanted(1), wanted_and_running(2)}), "load 1");
  EXPECT_EQ(step({wanted_and_running(1), wanted_and_running(2)}), "nothing");
  EXPECT_EQ(step({}), "nothing");
}

TEST(NextStep, replaces_what_runs_and_is_not_what_is_wanted) {
  EXPECT_EQ(step({outdated(1)}), "load 1");
}

TEST(NextStep, loads_the_successor_before_it_unloads) {
  EXPECT_EQ(step({unwanted(1), wanted(2)}), "load 2");
  EXPECT_EQ(step({unwanted(1), wanted_and_running(2)}), "unload 1");
}

TEST(NextStep, keeps_what_runs_where_the_successor_has_failed) {
  EXPECT_EQ(step({unwanted(1), failed(2)}), "nothing");
  EXPECT_EQ(step({unwanted(1), failed(2), wanted_and_running(3)}), "unload 1");
}

TEST(NextStep, unloads_all_where_none_is_wanted) {
  EXPECT_EQ(step({unwanted(1), unwanted(2)}), "unload 1");
}

// Whatever is there at first: some version answers from the first load to the end, and it ends.
TEST(NextStep, never_leaves_a_model_that_runs_without_a_version) {
  for (unsigned bits = 0; bits < (1U << 12); ++bits) {
    std::vector<VersionSnapshot> versions;
    bool any_wanted = false;
    for (int i = 0; i < 3; ++i) {
      const unsigned of_version = bits >> (4 * i);
      VersionSnapshot snapshot{i + 1, (of_version & 1) != 0, (of_version & 2) != 0,
                               (of_version & 4) != 0, (of_version & 8) != 0};
      any_wanted = any_wanted || snapshot.wanted;
      versions.push_back(snapshot);
    }
    const auto running = [&] {
      return std::ranges::count_if(versions, [](const auto& version) { return version.running; });
    };
    const bool ran = running() > 0;
    int steps = 0;
    while (const auto next = next_step(versions)) {
      ASSERT_LT(++steps, 10) << bits;
      VersionSnapshot& version = versions[static_cast<std::size_t>(next->version - 1)];
      version.running = version.current = next->kind == VersionStep::Kind::kLoad;
      ASSERT_TRUE(!ran || !any_wanted || running() > 0) << bits;
    }
  }
}

}  // namespace
}  // namespace muster
