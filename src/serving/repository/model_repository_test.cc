// SPDX-License-Identifier: Apache-2.0
#include "serving/repository/model_repository.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/log.h"
#include "serving/testing/model_directory.h"

namespace muster::testing {
namespace {

class ModelRepositoryTest : public ::testing::Test {
 protected:
  ModelRepositoryTest() : directory_("root") { set_log_level(LogLevel::kOff); }
  ~ModelRepositoryTest() override { set_log_level(LogLevel::kWarning); }

  [[nodiscard]] ModelRepository open(std::vector<std::string> roots = {}) const {
    if (roots.empty()) roots = {directory_.path()};
    return *ModelRepository::open(std::move(roots));
  }
  [[nodiscard]] std::uint64_t stamp(const std::string& name) const {
    return open().find(name)->stamp();
  }

  const ModelDirectory directory_;
};

TEST_F(ModelRepositoryTest, lists_models_and_versions) {
  directory_.write("b/2/model.onnx", "");
  directory_.write("b/10/model.onnx", "");
  directory_.write("b/010/model.onnx", "");
  directory_.write("b/0/model.onnx", "");
  directory_.write("b/x/model.onnx", "");
  directory_.write("a/config.pbtxt", "");
  const auto found = open().scan();
  ASSERT_TRUE(found.ok());
  ASSERT_EQ(found->size(), 2U);
  EXPECT_EQ((*found)[0].name, "a");
  EXPECT_TRUE((*found)[0].versions.empty());
  EXPECT_EQ((*found)[1].name, "b");
  ASSERT_EQ((*found)[1].versions.size(), 2U);
  EXPECT_EQ((*found)[1].versions[0].version, 2);
  EXPECT_EQ((*found)[1].versions[1].version, 10);
}

TEST_F(ModelRepositoryTest, passes_over_what_is_hidden_or_no_model_s_name) {
  directory_.make_folder(".git");
  directory_.make_folder("two words");
  directory_.make_folder("new\nline");
  directory_.make_folder("good-1_2.v3");
  directory_.write("README.md", "");
  EXPECT_EQ(*open().names(), (std::vector<std::string>{"good-1_2.v3"}));
}

TEST_F(ModelRepositoryTest, finds_nothing_by_a_name_that_leads_elsewhere) {
  directory_.write("m/1/model.onnx", "");
  for (const char* name : {"", ".", "..", "../root/m", "m/1", "/etc", ".m", "m\n"}) {
    EXPECT_EQ(open().find(name).status().code(), StatusCode::kInvalidArgument) << name;
  }
  EXPECT_EQ(open().find("n").status().code(), StatusCode::kNotFound);
  EXPECT_EQ(open().find(std::string(256, 'm')).status().code(), StatusCode::kInvalidArgument);
}

TEST_F(ModelRepositoryTest, refuses_a_model_that_two_folders_have) {
  directory_.write("one/m/1/model.onnx", "");
  directory_.write("two/m/1/model.onnx", "");
  directory_.write("two/n/1/model.onnx", "");
  const auto found = open({directory_ / "one", directory_ / "two"}).scan();
  ASSERT_TRUE(found.ok());
  ASSERT_EQ(found->size(), 2U);
  EXPECT_NE((*found)[0].fault.message().find("is there twice"), std::string_view::npos);
  EXPECT_TRUE((*found)[1].fault.ok());
}

TEST_F(ModelRepositoryTest, takes_one_folder_given_twice_for_one) {
  directory_.write("m/1/model.onnx", "");
  const auto found = open({directory_.path(), directory_ / "."}).scan();
  ASSERT_EQ(found->size(), 1U);
  EXPECT_TRUE((*found)[0].fault.ok());
}

TEST_F(ModelRepositoryTest, refuses_a_model_that_is_a_link_out_of_the_repository) {
  directory_.write("../outside/1/model.onnx", "");
  directory_.write("inside/1/model.onnx", "");
  directory_.link("../outside", "leaves");
  directory_.link("inside", "stays");
  EXPECT_NE(open().find("leaves")->fault.message().find("leads out"), std::string_view::npos);
  EXPECT_TRUE(open().find("leaves")->versions.empty());
  EXPECT_TRUE(open().find("stays")->fault.ok());
}

TEST_F(ModelRepositoryTest, stamps_a_model_anew_when_a_file_of_it_changes) {
  directory_.write("m/1/model.onnx", "one");
  std::uint64_t before = stamp("m");
  const auto changes = [&] {
    const std::uint64_t now = stamp("m");
    const bool changed = now != before;
    before = now;
    return changed;
  };
  EXPECT_FALSE(changes());
  directory_.write("m/1/model.onnx", "longer");
  EXPECT_TRUE(changes());
  directory_.write("m/config.pbtxt", "");
  EXPECT_TRUE(changes());
  directory_.write("m/1/weights/part.bin", "");
  EXPECT_TRUE(changes());
  directory_.make_folder("m/2");
  EXPECT_TRUE(changes());
  std::filesystem::rename(directory_ / "m/1/model.onnx", directory_ / "m/1/other.onnx");
  EXPECT_TRUE(changes());
}

TEST_F(ModelRepositoryTest, stamps_a_file_anew_that_another_of_its_size_and_time_replaces) {
  directory_.write("m/1/model.onnx", "one");
  const auto time = std::filesystem::last_write_time(directory_ / "m/1/model.onnx");
  const std::uint64_t before = stamp("m");
  directory_.write("m/new", "two");
  std::filesystem::rename(directory_ / "m/new", directory_ / "m/1/model.onnx");
  std::filesystem::last_write_time(directory_ / "m/1/model.onnx", time);
  EXPECT_NE(stamp("m"), before);
}

TEST_F(ModelRepositoryTest, stamps_each_version_by_its_own_files) {
  directory_.write("m/1/model.onnx", "one");
  directory_.write("m/2/model.onnx", "two");
  const FoundModel before = *open().find("m");
  directory_.write("m/2/model.onnx", "another");
  const FoundModel after = *open().find("m");
  EXPECT_EQ(before.versions[0].stamp, after.versions[0].stamp);
  EXPECT_NE(before.versions[1].stamp, after.versions[1].stamp);
  EXPECT_EQ(before.config_stamp, after.config_stamp);
}

TEST_F(ModelRepositoryTest, reports_a_repository_that_has_gone) {
  directory_.make_folder("inner");
  const ModelRepository repository = open({directory_ / "inner"});
  std::filesystem::remove(directory_ / "inner");
  EXPECT_EQ(repository.scan().status().code(), StatusCode::kUnavailable);
}

}  // namespace
}  // namespace muster::testing
