// SPDX-License-Identifier: Apache-2.0
#include "backends/tensorrt/profiles.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace muster::tensorrt {
namespace {

std::string again(std::string_view text) {
  const auto profiles = parse_profiles(text);
  return profiles.ok() ? profiles_text(*profiles) : std::string(profiles.status().message());
}

EnginePort input(std::string name, Shape shape) {
  return {{std::move(name), DataType::kFp32, std::move(shape), {}}, true, false, false};
}

ProfileRange rows(std::int64_t min, std::int64_t best, std::int64_t max) {
  return {{{min, 3}}, {{best, 3}}, {{max, 3}}};
}

TEST(Profiles, are_the_same_text_after_reading) {
  for (const char* text :
       {"1:8:64", "1:8:16;17:64:128", "ids=1x8:8x128:64x512,mask=1x8:8x128:64x512",
        "input_1:0=1x3:2x3:4x3", "a=b=2:2:2", "1:1:1,x=5x1:5x2:5x3"}) {
    EXPECT_EQ(again(text), text);
  }
}

TEST(Profiles, say_what_is_wrong_with_a_range) {
  EXPECT_EQ(again(""), "the profile range '' is not MIN:BEST:MAX");
  EXPECT_EQ(again("1:8"), "the profile range '1:8' is not MIN:BEST:MAX");
  EXPECT_EQ(again("1:8:64;"), "the profile range '' is not MIN:BEST:MAX");
  EXPECT_EQ(again("0:8:64"),
            "the profile range '0:8:64' has '0', where sizes of at least 1 with 'x' between them "
            "are expected");
  EXPECT_NE(again("1:8:99999999999").find("has '99999999999'"), std::string::npos);
  EXPECT_NE(again("x=1x1x1x1x1x1x1x1x1:1:1").find("has '1x1x1x1x1x1x1x1x1'"), std::string::npos);
  EXPECT_EQ(again("8:1:64"),
            "the profile range '8:1:64' does not ascend from its smallest to its best and its "
            "largest shape");
  EXPECT_NE(again("x=1x8:1x4:1x9").find("does not ascend"), std::string::npos);
  EXPECT_NE(again("x=1:1x4:1x9").find("does not ascend"), std::string::npos);
  EXPECT_EQ(again("=1:2:3"), "the profile range '=1:2:3' names no input before '='");
  EXPECT_EQ(again("1x2:1x2:1x2"),
            "the profile range '1x2:1x2:1x2' names no input, so that each of its three is one "
            "batch size");
  EXPECT_EQ(again("x=1:2:3,x=1:2:3"),
            "the profile range 'x=1:2:3' is the second of that input in one profile");
  std::string many = "1:1:1";
  for (std::size_t i = 0; i < kMaxProfiles; ++i)
    many += ";1:1:1";
  EXPECT_EQ(again(many), "there are more than 16 profiles");
}

TEST(Profiles, follow_from_what_is_said_of_batches) {
  BatchingOptions batching;
  EXPECT_TRUE(profiles_of(batching).empty());
  batching.max_batch_size = 64;
  EXPECT_EQ(profiles_text(profiles_of(batching)), "1:64:64");
  batching.preferred_batch_sizes = {4, 16};
  EXPECT_EQ(profiles_text(profiles_of(batching)), "1:16:64");
}

TEST(Profiles, become_ranges_of_every_input) {
  const std::vector<TensorSpec> inputs = {{"ids", DataType::kInt64, {kDynamicDim, kDynamicDim}, {}},
                                          {"scale", DataType::kFp32, {}, {}},
                                          {"x", DataType::kFp32, {kDynamicDim, 3}, {}}};
  const auto text = parse_profiles("1:8:64,ids=1x8:8x128:64x512");
  ASSERT_TRUE(text.ok());
  const auto ranges = resolve_profiles(*text, inputs);
  ASSERT_TRUE(ranges.ok()) << ranges.status().to_string();
  ASSERT_EQ(ranges->size(), 1U);
  EXPECT_EQ(ranges->front().min, std::vector<Shape>({{1, 8}, {}, {1, 3}}));
  EXPECT_EQ(ranges->front().best, std::vector<Shape>({{8, 128}, {}, {8, 3}}));
  EXPECT_EQ(ranges->front().max, std::vector<Shape>({{64, 512}, {}, {64, 3}}));
}

TEST(Profiles, need_not_be_there_where_all_shapes_are_fixed) {
  const std::vector<TensorSpec> inputs = {{"x", DataType::kFp32, {8, 3}, {}}};
  const auto ranges = resolve_profiles({}, inputs);
  ASSERT_TRUE(ranges.ok());
  ASSERT_EQ(ranges->size(), 1U);
  EXPECT_EQ(ranges->front().max, std::vector<Shape>({{8, 3}}));
}

TEST(Profiles, name_the_input_and_the_dimension_that_they_leave_open) {
  const std::vector<TensorSpec> ids = {{"ids", DataType::kInt64, {kDynamicDim, kDynamicDim}, {}}};
  const auto resolved = [&](std::string_view text) {
    const auto profiles = parse_profiles(text);
    EXPECT_TRUE(profiles.ok());
    return std::string(resolve_profiles(*profiles, ids).status().message());
  };
  EXPECT_EQ(resolved("1:8:64"),
            "input 'ids' is [-1,-1] and no profile says how large its dimension 1 gets; give its "
            "shapes as 'ids=1x8:8x128:64x512'");
  EXPECT_EQ(resolved("idz=1:8:64"),
            "a profile has a range of 'idz', and the model has no such input");
  EXPECT_EQ(resolved("ids=1:8:64"),
            "the profile's range [1] to [64] does not suit input 'ids', which is [-1,-1]");
  const std::vector<TensorSpec> fixed = {{"ids", DataType::kInt64, {kDynamicDim, 3}, {}}};
  const auto other = parse_profiles("ids=1x3:1x3:1x4");
  ASSERT_TRUE(other.ok());
  EXPECT_EQ(resolve_profiles(*other, fixed).status().message(),
            "the profile's range [1,3] to [1,4] does not suit input 'ids', which is [-1,3]");
}

TEST(Profiles, are_chosen_by_the_batch) {
  const std::vector<EnginePort> ports = {input("x", {kDynamicDim, 3})};
  const std::vector<ProfileRange> profiles = {rows(1, 64, 64), rows(1, 4, 8), rows(1, 16, 32)};
  const auto chosen = [&](std::int64_t batch) {
    const Shape shapes[] = {{batch, 3}};
    const auto profile = choose_profile(profiles, ports, shapes);
    return profile.ok() ? *profile : -1;
  };
  EXPECT_EQ(chosen(1), 1);
  EXPECT_EQ(chosen(4), 1);
  EXPECT_EQ(chosen(5), 2);  // the smallest that is tuned for as many
  EXPECT_EQ(chosen(16), 2);
  EXPECT_EQ(chosen(17), 0);
  EXPECT_EQ(chosen(64), 0);
  EXPECT_EQ(chosen(65), -1);
}

TEST(Profiles, are_chosen_by_what_is_nearest_where_none_is_tuned_for_as_many) {
  const std::vector<EnginePort> ports = {input("x", {kDynamicDim, 3})};
  const std::vector<ProfileRange> profiles = {rows(1, 2, 64), rows(1, 8, 64)};
  const Shape shapes[] = {{32, 3}};
  const auto profile = choose_profile(profiles, ports, shapes);
  ASSERT_TRUE(profile.ok());
  EXPECT_EQ(*profile, 1);
}

TEST(Profiles, name_the_range_that_a_shape_is_out_of) {
  const std::vector<EnginePort> ports = {input("x", {kDynamicDim, 3})};
  const std::vector<ProfileRange> profiles = {rows(1, 8, 16), rows(32, 64, 64)};
  const Shape shapes[] = {{20, 3}};
  EXPECT_EQ(choose_profile(profiles, ports, shapes).status().to_string(),
            "INVALID_ARGUMENT: input 'x' is [20,3]; the engine takes [1,3] to [16,3] or [32,3] to "
            "[64,3]");
}

TEST(Profiles, name_shapes_that_suit_only_apart) {
  const std::vector<EnginePort> ports = {input("a", {kDynamicDim}), input("b", {kDynamicDim})};
  const std::vector<ProfileRange> profiles = {{{{1}, {1}}, {{1}, {1}}, {{1}, {1}}},
                                              {{{2}, {2}}, {{2}, {2}}, {{2}, {2}}}};
  const Shape shapes[] = {{1}, {2}};
  EXPECT_EQ(choose_profile(profiles, ports, shapes).status().message(),
            "no profile of the engine takes these shapes together: input 'a' [1], input 'b' [2]");
}

TEST(Profiles, say_how_many_rows_there_may_be) {
  const std::vector<EnginePort> counts = {input("x", {kDynamicDim, 3})};
  const std::vector<ProfileRange> profiles = {rows(4, 8, 16), rows(2, 2, 8)};
  EXPECT_EQ(batch_range_of(profiles, counts).min, 2);
  EXPECT_EQ(batch_range_of(profiles, counts).max, 16);
  const std::vector<EnginePort> fixed = {input("x", {8, 3})};
  EXPECT_EQ(batch_range_of(profiles, fixed).max, 0);
  const std::vector<EnginePort> scalar = {input("x", {kDynamicDim, 3}), input("s", {})};
  EXPECT_EQ(batch_range_of(profiles, scalar).max, 0);
}

TEST(Ladder, has_every_size_to_eight_and_then_four_to_each_power_of_two) {
  EXPECT_EQ(ladder_of({1, 64}),
            std::vector<std::int64_t>(
                {1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64}));
}

TEST(Ladder, begins_and_ends_with_the_range) {
  EXPECT_EQ(ladder_of({3, 9}), std::vector<std::int64_t>({3, 4, 5, 6, 7, 8, 9}));
  EXPECT_EQ(ladder_of({1, 1}), std::vector<std::int64_t>({1}));
  EXPECT_EQ(ladder_of({1, 70}).back(), 70);
  EXPECT_TRUE(ladder_of({1, 0}).empty());
  EXPECT_LT(ladder_of({1, INT64_MAX}).size(), 300U);
}

TEST(Ladder, fills_up_by_less_than_a_quarter) {
  const std::vector<std::int64_t> ladder = ladder_of({1, 1000});
  for (std::int64_t batch = 1; batch <= 1000; ++batch) {
    const std::int64_t filled = filled_up(ladder, batch);
    EXPECT_GE(filled, batch);
    EXPECT_LT(4 * (filled - batch), batch) << batch;
  }
  EXPECT_EQ(filled_up(ladder, 1001), 1001);
  EXPECT_EQ(filled_up({}, 7), 7);
}

}  // namespace
}  // namespace muster::tensorrt
