// SPDX-License-Identifier: Apache-2.0
#include "app/verify/verify_inputs.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "serving/testing/fake_models.h"

namespace muster {
namespace {

constexpr std::uint64_t kPlenty = std::uint64_t{1} << 30;

Contender contender_with(std::vector<TensorSpec> inputs, bool stacked = true) {
  auto model = std::make_shared<testing::FakeModel>();
  model->signature.inputs = std::move(inputs);
  Contender contender;
  contender.config.inputs = model->signature.inputs;
  contender.model = std::make_shared<const testing::FakeCompiledModel>(model);
  contender.stacked = stacked;
  contender.max_batch_size = 8;
  return contender;
}

class VerifyInputsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(::testing::TempDir()) /
              ::testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string file(const std::string& name, const std::string& bytes) {
    const std::string path = (folder_ / name).string();
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }
  std::string npy(const std::string& name, const std::string& type, const std::string& shape,
                  std::size_t bytes) {
    std::string header =
        "{'descr': '" + type + "', 'fortran_order': False, 'shape': " + shape + ", }";
    std::string text("\x93NUMPY\1\0", 8);
    text += static_cast<char>(header.size());
    text += '\0';
    return file(name, text + header + std::string(bytes, '\1'));
  }
  static std::string refusal(const Contender& contender, const InputWishes& wishes) {
    return std::string(gather_inputs(contender, wishes, 4, kPlenty).status().message());
  }

  std::filesystem::path folder_;
};

TEST_F(VerifyInputsTest, are_made_up_with_the_usual_rows) {
  const auto inputs =
      gather_inputs(contender_with({testing::fp32("x", {-1, 3})}), {}, 4, kPlenty).value();
  EXPECT_EQ(inputs.rows, 4);
  EXPECT_EQ(inputs.tensors.at(0).shape(), (Shape{4, 3}));
  EXPECT_EQ(inputs.origin, "4 rows made up with --seed 1");
}

TEST_F(VerifyInputsTest, are_the_same_for_the_same_seed) {
  const Contender contender = contender_with({testing::fp32("x", {-1, 3})});
  const auto values = [&](std::uint64_t seed) {
    InputWishes wishes;
    wishes.seed = seed;
    return testing::values_of(gather_inputs(contender, wishes, 4, kPlenty).value().tensors[0]);
  };
  EXPECT_EQ(values(5), values(5));
  EXPECT_NE(values(5), values(6));
}

TEST_F(VerifyInputsTest, have_rows_of_whole_inputs_where_there_is_no_batch_axis) {
  const auto inputs =
      gather_inputs(contender_with({testing::fp32("x", {2, 3})}, false), {}, 4, kPlenty).value();
  EXPECT_EQ(inputs.tensors.at(0).shape(), (Shape{4, 2, 3}));
}

TEST_F(VerifyInputsTest, are_read_from_arrays_which_tell_rows_and_open_dimensions) {
  const Contender contender =
      contender_with({testing::fp32("x", {-1, -1}), testing::fp32("y", {-1, 2})});
  InputWishes wishes;
  wishes.files = {{"x", npy("x.npy", "<f4", "(3, 5)", 60)}};
  const auto inputs = gather_inputs(contender, wishes, 4, kPlenty);
  ASSERT_TRUE(inputs.ok()) << inputs.status().message();
  EXPECT_EQ(inputs->rows, 3);
  EXPECT_EQ(inputs->tensors[0].shape(), (Shape{3, 5}));
  EXPECT_EQ(inputs->tensors[1].shape(), (Shape{3, 2}));
  EXPECT_EQ(inputs->origin, "3 rows of 1 file, the other inputs made up with --seed 1");
}

TEST_F(VerifyInputsTest, are_read_from_files_without_a_shape) {
  InputWishes wishes;
  wishes.files = {{"x", file("x.bin", std::string(24, '\1'))}};
  const auto inputs =
      gather_inputs(contender_with({testing::fp32("x", {-1, 3})}), wishes, 4, kPlenty).value();
  EXPECT_EQ(inputs.rows, 2);
  wishes.files = {{"x", file("x.bin", std::string(25, '\1'))}};
  EXPECT_EQ(refusal(contender_with({testing::fp32("x", {-1, 3})}), wishes),
            "input 'x' from " + wishes.files[0].file +
                ": 25 bytes are no whole number of rows of 12 bytes each");
}

TEST_F(VerifyInputsTest, of_bf16_come_as_whole_numbers) {
  InputWishes wishes;
  wishes.files = {{"x", npy("x.npy", "<u2", "(2, 3)", 12)}};
  const auto inputs =
      gather_inputs(contender_with({{"x", DataType::kBf16, {-1, 3}, {}}}), wishes, 4, kPlenty);
  EXPECT_EQ(inputs.value().tensors[0].type(), DataType::kBf16);
}

TEST_F(VerifyInputsTest, that_do_not_fit_are_named) {
  const Contender contender =
      contender_with({testing::fp32("x", {-1, 3}), testing::fp32("y", {-1, 2})});
  InputWishes wishes;
  const auto given = [&](std::vector<InputFile> files) {
    wishes.files = std::move(files);
    return refusal(contender, wishes);
  };
  const std::string doubles = npy("d.npy", "<f8", "(2, 3)", 48);
  EXPECT_EQ(given({{"x", doubles}}),
            "input 'x' from " + doubles + ": it holds FP64, expected FP32");
  const std::string wide = npy("w.npy", "<f4", "(2, 4)", 32);
  EXPECT_EQ(given({{"x", wide}}), "input 'x' from " + wide + ": a row has shape [4], expected [3]");
  EXPECT_EQ(given({{"z", wide}}), "there is no input 'z' for " + wide);
  EXPECT_EQ(
      given({{"x", npy("a.npy", "<f4", "(2, 3)", 24)}, {"y", npy("b.npy", "<f4", "(3, 2)", 24)}}),
      "input 'x' has 2 rows and input 'y' 3; give the same number for all");
  EXPECT_NE(given({{"x", npy("e.npy", "<f4", "(0, 3)", 0)}}).find("it has no rows"),
            std::string::npos);
  EXPECT_NE(given({{"x", "/no/such.npy"}}).find("there is no file /no/such.npy"),
            std::string::npos);
}

TEST_F(VerifyInputsTest, of_a_range_lie_in_it_and_must_be_made_up) {
  const Contender contender = contender_with({{"x", DataType::kInt64, {-1, 3}, {}}});
  InputWishes wishes;
  wishes.ranges = {{"x", {7, 7}}};
  const auto inputs = gather_inputs(contender, wishes, 4, kPlenty).value();
  for (const std::int64_t value : inputs.tensors[0].elements<std::int64_t>())
    EXPECT_EQ(value, 7);
  wishes.ranges = {{"z", {0, 1}}};
  EXPECT_EQ(refusal(contender, wishes), "--range: there is no input 'z' to make up");
}

TEST_F(VerifyInputsTest, may_be_pictures_where_the_configuration_says_how) {
  Contender contender = contender_with({testing::fp32("x", {-1, 1, 4, 4})});
  InputWishes wishes;
  wishes.pictures = {std::string(MUSTER_SOURCE_DIR) + "/tests/pictures/gray.png",
                     std::string(MUSTER_SOURCE_DIR) + "/tests/pictures/gray.png"};
  EXPECT_NE(refusal(contender, wishes), "");
  contender.config.image.emplace();
  contender.config.image->color = ImagePreprocessing::Color::kGrayscale;
  contender.config.image->height = 4;
  contender.config.image->width = 4;
  contender.config.batching.max_batch_size = 8;
  const auto inputs = gather_inputs(contender, wishes, 4, kPlenty);
  ASSERT_TRUE(inputs.ok()) << inputs.status().message();
  EXPECT_EQ(inputs->origin, "2 pictures");
  const auto values = testing::values_of(inputs->tensors[0]);
  EXPECT_TRUE(std::equal(values.begin(), values.begin() + 16, values.begin() + 16));
  wishes.pictures.push_back("/no/such.png");
  EXPECT_NE(refusal(contender, wishes).find("/no/such.png"), std::string::npos);
}

TEST_F(VerifyInputsTest, of_several_files_have_one_limit_together) {
  const Contender contender =
      contender_with({testing::fp32("x", {-1, 3}), testing::fp32("y", {-1, 2})});
  InputWishes wishes;
  wishes.files = {{"x", file("x.bin", std::string(24, '\1'))},
                  {"y", file("y.bin", std::string(16, '\1'))}};
  EXPECT_TRUE(gather_inputs(contender, wishes, 4, 40).ok());
  const Status refused = gather_inputs(contender, wishes, 4, 39).status();
  EXPECT_EQ(refused.code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(refused.message(), "the inputs' files together may have 39 bytes: " +
                                   wishes.files[1].file + " is larger than 15 bytes");
}

TEST_F(VerifyInputsTest, of_pictures_have_a_limit) {
  Contender contender = contender_with({testing::fp32("x", {-1, 1, 4, 4})});
  contender.config.image.emplace();
  contender.config.image->color = ImagePreprocessing::Color::kGrayscale;
  contender.config.image->height = 4;
  contender.config.image->width = 4;
  contender.config.batching.max_batch_size = 8;
  InputWishes wishes;
  wishes.pictures.assign(2, std::string(MUSTER_SOURCE_DIR) + "/tests/pictures/gray.png");
  EXPECT_TRUE(gather_inputs(contender, wishes, 4, 128).ok());
  EXPECT_EQ(gather_inputs(contender, wishes, 4, 127).status().message(),
            "2 pictures take 128 bytes as rows of input 'x', and 127 are possible");
}

TEST(VerifyArguments, name_files_and_ranges) {
  EXPECT_EQ(parse_input_files({"x=a=b.npy"}).value()[0].file, "a=b.npy");
  EXPECT_EQ(parse_value_ranges({"x:0:-1.5,2"}).value().at("x:0").low, -1.5);
}

TEST(VerifyArguments, are_refused_where_they_are_none) {
  for (const char* text : {"", "x", "x=", "=y"})
    EXPECT_FALSE(parse_input_files({text}).ok()) << text;
  EXPECT_FALSE(parse_input_files({"x=a", "x=b"}).ok());
  for (const char* text : {"", "x", "x:", "x:1", "x:1,", "x:2,1", "x:nan,1", ":0,1", "x:0,1,2"})
    EXPECT_FALSE(parse_value_ranges({text}).ok()) << text;
  EXPECT_FALSE(parse_value_ranges({"x:0,1", "x:0,1"}).ok());
}

}  // namespace
}  // namespace muster
