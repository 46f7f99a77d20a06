// SPDX-License-Identifier: Apache-2.0
#include "app/doctor/gather_facts.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "app/doctor/checks.h"
#include "serving/testing/fake_models.h"

namespace muster {
namespace {

namespace fs = std::filesystem;

class GatherFacts : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::path(::testing::TempDir()) /
            ("muster_doctor_" +
             std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()));
    fs::remove_all(root_);
    fs::create_directories(root_);
    root_ = fs::canonical(root_);
    settings_.models.backends["onnxruntime"] =
        std::make_shared<testing::FakeBackend>(testing::linear_model());
  }
  void TearDown() override { fs::remove_all(root_); }

  std::string write(const std::string& name, const std::string& text = "x") {
    const fs::path path = root_ / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path) << text;
    return path.string();
  }
  [[nodiscard]] DoctorFacts facts(const std::string& name = "") const {
    return gather_facts((root_ / name).string(), settings_, "");
  }

  fs::path root_;
  ServeSettings settings_;
};

TEST_F(GatherFacts, loads_each_model_of_a_repository) {
  write("a/1/model.onnx");
  write("a/config.pbtxt", "max_batch_size: 8");
  write("b/1/model.onnx");
  write("b/2/model.onnx");
  const DoctorFacts facts = this->facts();
  EXPECT_FALSE(facts.repository.is_model);
  ASSERT_EQ(facts.models.size(), 2U);
  const ModelFacts& a = facts.models[0];
  EXPECT_EQ(a.name, "a");
  EXPECT_EQ(a.config_text, "max_batch_size: 8");
  ASSERT_EQ(a.versions.size(), 1U);
  EXPECT_EQ(a.versions[0].file, (root_ / "a/1/model.onnx").string());
  EXPECT_EQ(a.versions[0].config->batching.max_batch_size, 8);
  const ModelFacts& b = facts.models[1];
  EXPECT_EQ(b.config_file, "");
  EXPECT_EQ(b.found_versions, (std::vector<std::int64_t>{1, 2}));
  ASSERT_EQ(b.versions.size(), 1U);
  EXPECT_EQ(b.versions[0].version, 2);
  EXPECT_TRUE(b.versions[0].signature.has_value());
}

TEST_F(GatherFacts, has_the_thread_budget_of_the_server) {
  EXPECT_EQ(facts().machine.thread_budget, facts().machine.cpu_budget);
  settings_.models.thread_budget = 1000;
  EXPECT_EQ(facts().machine.thread_budget, 1000);
}

TEST_F(GatherFacts, takes_one_models_folder_too) {
  write("a/1/model.onnx");
  for (const char* name : {"a", "a/"}) {
    const DoctorFacts facts = this->facts(name);
    EXPECT_TRUE(facts.repository.is_model);
    ASSERT_EQ(facts.models.size(), 1U);
    EXPECT_EQ(facts.models[0].name, "a");
    EXPECT_TRUE(facts.models[0].versions.at(0).load_failure.ok());
  }
}

TEST_F(GatherFacts, takes_a_folder_that_only_holds_a_model_file) {
  write("a/model.onnx");
  const DoctorFacts facts = this->facts("a");
  ASSERT_EQ(facts.models.size(), 1U);
  EXPECT_EQ(facts.models[0].versions.at(0).version, 0);
  EXPECT_TRUE(facts.models[0].versions[0].config.has_value());
}

TEST_F(GatherFacts, has_all_that_is_wrong_with_a_configuration) {
  write("a/1/model.onnx");
  write("a/config.pbtxt", "max_batch_size: -1\ninput { optional: true }\nmodel_warmup { }");
  const ModelFacts model = facts().models.at(0);
  // The batch size, two of the input, and one that has no effect.
  EXPECT_EQ(std::ranges::count_if(model.remarks, &ConfigRemark::is_error), 3);
  EXPECT_EQ(model.remarks.size(), 4U);
  EXPECT_TRUE(model.folder_failure.ok()) << "said by the remarks";
  EXPECT_TRUE(model.versions.empty());
}

TEST_F(GatherFacts, has_what_does_not_fit_the_model) {
  write("a/1/model.onnx");
  write("a/config.pbtxt", "max_batch_size: 8\ninput { name: \"z\" data_type: TYPE_FP32 dims: 2 }");
  const VersionFacts version = facts().models.at(0).versions.at(0);
  EXPECT_TRUE(version.load_failure.ok());
  EXPECT_FALSE(version.config.has_value());
  ASSERT_FALSE(version.remarks.empty());
  EXPECT_EQ(version.remarks[0].line, 2);
}

TEST_F(GatherFacts, has_what_a_server_would_say_of_a_model_that_is_not_there) {
  fs::create_directories(root_ / "a/1");
  write("a/config.pbtxt", "version_policy { specific { versions: [ 7 ] } }");
  write("b/1/net.onnx");
  const DoctorFacts facts = this->facts();
  EXPECT_EQ(facts.models.at(0).folder_failure.code(), StatusCode::kNotFound);
  EXPECT_EQ(facts.models.at(1).versions.at(0).load_failure.code(), StatusCode::kNotFound);
}

TEST_F(GatherFacts, does_not_follow_links_out_of_the_repository) {
  const std::string outside = write("outside/model.onnx");
  fs::create_directories(root_ / "r/a/1");
  fs::create_symlink(outside, root_ / "r/a/1/model.onnx");
  fs::create_symlink(root_ / "nowhere", root_ / "r/a/1/notes");
  const ModelFacts model = facts("r").models.at(0);
  const VersionFacts& version = model.versions.at(0);
  EXPECT_NE(version.load_failure.message().find("leads out of its repository"), std::string::npos);
  EXPECT_TRUE(version.files.at(0).leads_out);
  EXPECT_FALSE(version.files.at(0).is_dangling);
  EXPECT_TRUE(version.files.at(1).is_dangling);
}

TEST_F(GatherFacts, sees_who_may_write) {
  const std::string file = write("a/1/model.onnx");
  fs::permissions(file, fs::perms::others_write, fs::perm_options::add);
  EXPECT_TRUE(facts().models.at(0).versions.at(0).files.at(0).others_may_write);
  fs::permissions(file, fs::perms::others_write, fs::perm_options::remove);
  EXPECT_FALSE(facts().models.at(0).versions.at(0).files.at(0).others_may_write);
}

TEST_F(GatherFacts, says_what_is_no_repository) {
  write("file");
  EXPECT_FALSE(facts("no/such").repository.failure.ok());
  EXPECT_FALSE(facts("file").repository.failure.ok());
}

TEST(LookAtMachine, sees_a_machine_that_could_be) {
  const MachineFacts machine = look_at_machine();
  EXPECT_GE(machine.cpu_budget, 1);
  EXPECT_GE(machine.cpus, machine.cpu_budget);
  EXPECT_GT(machine.available_memory, 0U);
  EXPECT_GT(machine.open_files, 0U);
  EXPECT_GE(machine.most_open_files, machine.open_files);
}

TEST(LookAtSettings, counts_listeners) {
  ServeSettings settings;
  EXPECT_EQ(look_at_settings(settings, "").listeners, 3U);
  settings.unix_socket = "muster.sock";
  settings.metrics = false;
  EXPECT_EQ(look_at_settings(settings, "").listeners, 4U);
  settings.grpc = false;
  EXPECT_EQ(look_at_settings(settings, "f").listeners, 2U);
}

}  // namespace
}  // namespace muster
