// SPDX-License-Identifier: Apache-2.0
#include "app/advise/setups.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace muster {
namespace {

// "2x1": two instances of one thread.
std::vector<std::string> forms(const SetupOrder& order) {
  std::vector<std::string> texts;
  for (const Setup& setup : setups_for(order))
    texts.push_back(std::to_string(setup.instances) + "x" + std::to_string(setup.threads));
  return texts;
}
using Forms = std::vector<std::string>;

TEST(Setups, fit_into_the_budget_the_smallest_first) {
  EXPECT_EQ(forms({{"onnxruntime"}, 1, {}, {}}), (Forms{"1x1"}));
  EXPECT_EQ(forms({{"onnxruntime"}, 2, {}, {}}), (Forms{"1x1", "1x2", "2x1"}));
  EXPECT_EQ(forms({{"openvino"}, 4, {}, {}}), (Forms{"1x1", "1x2", "2x1", "1x4", "2x2", "4x1"}));
  EXPECT_EQ(forms({{"onnxruntime"}, 6, {}, {}}),
            (Forms{"1x1", "1x2", "3x1", "1x4", "1x6", "3x2", "6x1"}));
}

TEST(Setups, are_those_of_each_backend_in_turn) {
  const auto setups = setups_for({{"openvino", "onnxruntime"}, 1, {}, {}});
  ASSERT_EQ(setups.size(), 2U);
  EXPECT_EQ(setups[0].backend, "openvino");
  EXPECT_EQ(setups[1].backend, "onnxruntime");
}

TEST(Setups, below_a_backend_say_so_in_the_configuration) {
  const OwnConfig own{"onnxruntime", {}};
  const RunSettings settings = settings_of({"onnxruntime+cuda", 2, 1}, 8, 2, own);
  EXPECT_EQ(settings.backend, "onnxruntime");
  EXPECT_EQ(settings.accelerator, "cuda");
  EXPECT_TRUE(settings.parameters.empty());
  EXPECT_EQ(settings_of({"onnxruntime", 2, 1}, 8, 2, own).accelerator, "");
}

TEST(Setups, are_few_on_a_machine_with_many_processors) {
  const auto setups = setups_for({{"onnxruntime"}, 64, {}, {}});
  EXPECT_LE(setups.size(), 20U);
  for (const auto& setup : setups)
    EXPECT_LE(setup.all_threads(), 64);
}

TEST(Setups, have_the_numbers_that_were_asked_for) {
  EXPECT_EQ(forms({{"onnxruntime"}, 2, {3}, {}}), (Forms{"1x3"}));
  EXPECT_EQ(forms({{"onnxruntime"}, 4, {}, {2}}), (Forms{"2x1", "2x2"}));
  EXPECT_EQ(forms({{"onnxruntime"}, 2, {2, 1}, {4, 4}}), (Forms{"4x1", "4x2"}));
  EXPECT_EQ(forms({{"onnxruntime"}, 2, {}, {5}}), (Forms{"5x1"}));
}

TEST(Setups, share_the_budget_where_no_parameter_sets_the_threads) {
  EXPECT_EQ(forms({{"scripted"}, 4, {}, {}}), (Forms{"1x4", "2x2", "4x1"}));
  EXPECT_EQ(forms({{"scripted"}, 4, {7}, {2}}), (Forms{"2x2"}));
}

TEST(Setups, on_a_gpu_differ_by_their_instances_alone) {
  for (const char* backend : {"tensorrt", "onnxruntime+cuda", "onnxruntime+tensorrt"}) {
    EXPECT_EQ(forms({{backend}, 32, {}, {}}), (Forms{"1x1", "2x1", "4x1", "8x1"})) << backend;
    EXPECT_EQ(forms({{backend}, 2, {}, {}}), (Forms{"1x1", "2x1"})) << backend;
    EXPECT_EQ(forms({{backend}, 32, {4}, {3}}), (Forms{"3x1"})) << backend;
  }
}

TEST(Settings, say_threads_only_where_they_are_not_the_share) {
  const OwnConfig own{"onnxruntime", {}};
  EXPECT_EQ(settings_of({"onnxruntime", 2, 1}, 8, 2, own).parameters.at("intra_op_thread_count"),
            "");
  EXPECT_EQ(settings_of({"onnxruntime", 1, 1}, 8, 2, own).parameters.at("intra_op_thread_count"),
            "1");
  EXPECT_EQ(settings_of({"openvino", 2, 3}, 8, 16, own).parameters.at("INFERENCE_NUM_THREADS"),
            "6");
  EXPECT_TRUE(settings_of({"scripted", 2, 1}, 8, 2, own).parameters.empty());
}

TEST(Settings, leave_a_parameter_that_says_so_already) {
  const OwnConfig own{"onnxruntime", {{"intra_op_thread_count", "1"}}};
  EXPECT_EQ(settings_of({"onnxruntime", 2, 1}, 8, 2, own).parameters.at("intra_op_thread_count"),
            "1");
  EXPECT_EQ(settings_of({"onnxruntime", 1, 2}, 8, 2, own).parameters.at("intra_op_thread_count"),
            "");
}

}  // namespace
}  // namespace muster
