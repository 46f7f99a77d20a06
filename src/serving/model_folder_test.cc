// SPDX-License-Identifier: Apache-2.0
#include "serving/model_folder.h"

#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "serving/testing/model_directory.h"

namespace muster {
namespace {

using testing::ModelDirectory;

Result<ModelFolder::Choice> choice_of(const std::string& path) {
  MUSTER_ASSIGN_OR_RETURN(const ModelFolder folder, ModelFolder::open(path));
  return folder.choose();
}

TEST(ModelFolder, is_named_after_its_folder) {
  const ModelDirectory model("lenet");
  model.write("1/model.onnx", "x");
  const std::string same_folder[] = {model.path(), model.path() + "/", model.path() + "/.",
                                     model / "1/.."};
  for (const std::string& path : same_folder) {
    const auto folder = ModelFolder::open(path);
    ASSERT_TRUE(folder.ok()) << folder.status().to_string();
    EXPECT_EQ(folder->name(), "lenet") << path;
    EXPECT_EQ(folder->config().config().name, "lenet");
  }
}

TEST(ModelFolder, knows_where_its_configuration_lies_or_would) {
  const ModelDirectory model("lenet");
  model.write("1/model.onnx", "x");
  EXPECT_EQ(ModelFolder::open(model.path())->config_path(), model / "config.pbtxt");
  EXPECT_EQ(ModelFolder::open(model / "1/model.onnx")->config_path(), "");
  // Nobody would read one there.
  EXPECT_EQ(ModelFolder::open(model / "1")->config_path(), "");
  model.write("config.pbtxt", "");
  EXPECT_EQ(ModelFolder::open(model / "1")->config_path(), model / "config.pbtxt");
}

TEST(ModelFolder, chooses_the_model_of_the_newest_version) {
  const ModelDirectory model;
  for (const char* version : {"1", "2", "10"})
    model.write(std::string(version) + "/model.onnx", "x");
  const auto choice = choice_of(model.path());
  ASSERT_TRUE(choice.ok()) << choice.status().to_string();
  EXPECT_EQ(choice->file, model / "10/model.onnx");
  EXPECT_EQ(choice->backend, "onnxruntime");
  EXPECT_EQ(choice->version, 10);
}

TEST(ModelFolder, takes_an_onnx_file_for_openvino_where_the_configuration_names_it) {
  const ModelDirectory model;
  model.write("1/model.onnx", "x");
  EXPECT_EQ(choice_of(model.path())->backend, "onnxruntime");
  model.write("config.pbtxt", "backend: \"openvino\"");
  EXPECT_EQ(choice_of(model.path())->backend, "openvino");
  EXPECT_EQ(choice_of(model.path())->file, model / "1/model.onnx");
  model.write("1/model.xml", "x");
  EXPECT_EQ(choice_of(model.path())->file, model / "1/model.xml");
  EXPECT_EQ(choice_of(model / "1/model.xml")->backend, "openvino");
}

TEST(ModelFolder, takes_only_numbers_from_1_for_versions) {
  const ModelDirectory model;
  model.write("3/model.onnx", "x");
  for (const char* other : {"0", "007", "4x", "-5", "+6", " 7", "99999999999999999999", "latest"}) {
    model.write(std::string(other) + "/model.onnx", "x");
  }
  model.write("8", "a file, not a folder");
  const auto choice = choice_of(model.path());
  ASSERT_TRUE(choice.ok()) << choice.status().to_string();
  EXPECT_EQ(choice->version, 3);
}

TEST(ModelFolder, chooses_the_version_that_the_configuration_names) {
  const ModelDirectory model;
  for (const char* version : {"1", "2", "3"})
    model.write(std::string(version) + "/model.onnx", "x");
  model.write("config.pbtxt", "version_policy { specific { versions: [1, 2] } }");
  EXPECT_EQ(choice_of(model.path())->version, 2);
}

TEST(ModelFolder, says_where_a_wanted_version_is_missing) {
  const ModelDirectory model;
  model.write("1/model.onnx", "x");
  model.write("config.pbtxt", "version_policy { specific { versions: [7] } }");
  EXPECT_EQ(choice_of(model.path()).status().code(), StatusCode::kNotFound);
}

TEST(ModelFolder, stands_for_a_version_folder_of_its_own) {
  const ModelDirectory model("lenet");
  model.write("1/model.onnx", "x");
  model.write("2/model.onnx", "x");
  model.write("config.pbtxt", "max_batch_size: 4");
  const auto folder = ModelFolder::open(model / "1");
  ASSERT_TRUE(folder.ok()) << folder.status().to_string();
  EXPECT_EQ(folder->name(), "lenet");
  const auto choice = folder->choose();
  ASSERT_TRUE(choice.ok()) << choice.status().to_string();
  EXPECT_EQ(choice->version, 1);
  EXPECT_TRUE(std::filesystem::equivalent(choice->file, model / "1/model.onnx"));
}

TEST(ModelFolder, follows_a_link_to_a_version) {
  const ModelDirectory model("lenet");
  model.write("2/model.onnx", "x");
  model.write("config.pbtxt", "");
  model.link("2", "current");
  const auto choice = choice_of(model / "current");
  ASSERT_TRUE(choice.ok()) << choice.status().to_string();
  EXPECT_EQ(choice->version, 2);
}

TEST(ModelFolder, follows_links_to_versions_and_files) {
  const ModelDirectory model;
  model.write("blobs/weights", "x");
  model.make_folder("store");
  model.link("../blobs/weights", "store/model.onnx");
  model.link("store", "5");
  const auto choice = choice_of(model.path());
  ASSERT_TRUE(choice.ok()) << choice.status().to_string();
  EXPECT_EQ(choice->file, model / "5/model.onnx");
}

TEST(ModelFolder, may_hold_its_model_itself) {
  const ModelDirectory model;
  model.write("model.onnx", "x");
  const auto choice = choice_of(model.path());
  ASSERT_TRUE(choice.ok()) << choice.status().to_string();
  EXPECT_EQ(choice->file, model / "model.onnx");
  EXPECT_EQ(choice->version, 0);
}

TEST(ModelFolder, stands_for_a_model_file_without_a_configuration) {
  const ModelDirectory model;
  model.write("digits.onnx", "x");
  model.write("config.pbtxt", "this is no configuration");
  const auto folder = ModelFolder::open(model / "digits.onnx");
  ASSERT_TRUE(folder.ok()) << folder.status().to_string();
  EXPECT_EQ(folder->name(), "digits");
  EXPECT_EQ(folder->choose()->file, model / "digits.onnx");
  EXPECT_EQ(folder->choose()->backend, "onnxruntime");
}

TEST(ModelFolder, refuses_a_file_that_is_no_model) {
  const ModelDirectory model;
  model.write("notes.txt", "x");
  EXPECT_EQ(choice_of(model / "notes.txt").status().to_string(),
            "INVALID_ARGUMENT: " + (model / "notes.txt") +
                " is no model file that Muster knows (it knows .onnx)");
}

TEST(ModelFolder, says_where_nothing_is) {
  const ModelDirectory model;
  EXPECT_EQ(ModelFolder::open(model / "missing").status().to_string(),
            "NOT_FOUND: there is no model at " + (model / "missing"));
  EXPECT_EQ(ModelFolder::open("").status().code(), StatusCode::kNotFound);
  EXPECT_EQ(ModelFolder::open(std::string(100000, 'x')).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(ModelFolder::open("no\nsuch").status().message(), "there is no model at no\\x0asuch");
}

TEST(ModelFolder, follows_no_link_that_leads_nowhere) {
  const ModelDirectory model;
  model.link("gone", "loose");
  EXPECT_EQ(ModelFolder::open(model / "loose").status().code(), StatusCode::kNotFound);
}

TEST(ModelFolder, refuses_a_pipe) {
  const ModelDirectory model;
  ASSERT_EQ(mkfifo((model / "pipe.onnx").c_str(), 0600), 0);
  EXPECT_EQ(ModelFolder::open(model / "pipe.onnx").status().code(), StatusCode::kInvalidArgument);
}

TEST(ModelFolder, says_what_it_looked_for_in_an_empty_folder) {
  const ModelDirectory model("lenet");
  EXPECT_EQ(choice_of(model.path()).status().code(), StatusCode::kNotFound);
  const std::string message(choice_of(model.path()).status().message());
  EXPECT_NE(message.find("there is no model in " + model.path() + " (looked for model.onnx"),
            std::string::npos)
      << message;
  EXPECT_NE(message.find("a model folder holds versions: lenet/1/model.onnx"), std::string::npos);
}

TEST(ModelFolder, says_what_it_looked_for_in_a_version) {
  const ModelDirectory model;
  model.write("1/weights.bin", "x");
  model.write("config.pbtxt", R"(backend: "onnxruntime")");
  EXPECT_EQ(choice_of(model.path()).status().message(),
            "there is no model in " + (model / "1") + " (looked for model.onnx)");
}

TEST(ModelFolder, takes_no_folder_for_a_model_file) {
  const ModelDirectory model;
  model.make_folder("1/model.onnx");
  EXPECT_EQ(choice_of(model.path()).status().code(), StatusCode::kNotFound);
}

TEST(ModelFolder, takes_the_file_that_the_configuration_names) {
  const ModelDirectory model;
  model.write("1/lenet-5.onnx", "x");
  model.write("1/model.onnx", "x");
  model.write("config.pbtxt", R"(default_model_filename: "lenet-5.onnx")");
  EXPECT_EQ(choice_of(model.path())->file, model / "1/lenet-5.onnx");
  model.write("config.pbtxt", R"(default_model_filename: "other.onnx")");
  EXPECT_EQ(choice_of(model.path()).status().message(),
            "there is no model in " + (model / "1") + " (looked for other.onnx)");
}

TEST(ModelFolder, needs_no_file_for_a_scripted_model) {
  const ModelDirectory model;
  model.make_folder("1");
  model.write("config.pbtxt", R"(backend: "scripted")");
  const auto choice = choice_of(model.path());
  ASSERT_TRUE(choice.ok()) << choice.status().to_string();
  EXPECT_EQ(choice->file, "");
  EXPECT_EQ(choice->backend, "scripted");
}

TEST(ModelFolder, does_not_pass_over_a_file_that_a_scripted_model_names) {
  const ModelDirectory model;
  model.make_folder("1");
  model.write("config.pbtxt", R"(backend: "scripted" default_model_filename: "slow.script")");
  EXPECT_EQ(choice_of(model.path()).status().code(), StatusCode::kNotFound);
  model.write("1/slow.script", "x");
  EXPECT_EQ(choice_of(model.path())->file, model / "1/slow.script");
}

TEST(ModelFolder, leaves_a_backend_it_does_not_know_to_whoever_opens_it) {
  const ModelDirectory model;
  model.make_folder("1");
  model.write("config.pbtxt", R"(backend: "my_own")");
  const auto choice = choice_of(model.path());
  ASSERT_TRUE(choice.ok()) << choice.status().to_string();
  EXPECT_EQ(choice->backend, "my_own");
  EXPECT_EQ(choice->file, "");

  model.write("config.pbtxt", R"(backend: "my_own" default_model_filename: "weights.bin")");
  EXPECT_EQ(choice_of(model.path()).status().code(), StatusCode::kNotFound);
  model.write("1/weights.bin", "x");
  EXPECT_EQ(choice_of(model.path())->file, model / "1/weights.bin");
  EXPECT_EQ(choice_of(model.path())->backend, "my_own");
}

TEST(ModelFolder, names_file_and_line_of_a_wrong_configuration) {
  const ModelDirectory model;
  model.write("1/model.onnx", "x");
  model.write("config.pbtxt", "max_batch_size: 8\nmax_batch_sice: 8\n");
  const Status status = ModelFolder::open(model.path()).status();
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_TRUE(status.message().starts_with((model / "config.pbtxt") + ":2: ")) << status.message();
}

TEST(ModelFolder, refuses_names_that_lead_out_of_it) {
  const ModelDirectory model;
  model.write("1/model.onnx", "x");
  for (const char* text :
       {R"(backend: "../x")", R"(backend: "/lib/x")", R"(backend: "a.b")",
        R"(default_model_filename: "../other.onnx")", R"(default_model_filename: "/etc/passwd")",
        R"(default_model_filename: "..")",
        R"(output { name: "o" label_filename: "../labels.txt" })"}) {
    model.write("config.pbtxt", text);
    EXPECT_EQ(ModelFolder::open(model.path()).status().code(), StatusCode::kInvalidArgument)
        << text;
  }
}

TEST(ModelFolder, refuses_a_configuration_that_is_too_large) {
  const ModelDirectory model;
  model.write("1/model.onnx", "x");
  model.write("config.pbtxt", std::string(kMaxConfigBytes + 1, '\n'));
  EXPECT_EQ(ModelFolder::open(model.path()).status().to_string(),
            "RESOURCE_EXHAUSTED: " + (model / "config.pbtxt") + " is larger than 1048576 bytes");
}

TEST(ModelFolder, does_not_pass_over_a_configuration_it_cannot_read) {
  const ModelDirectory model;
  model.write("1/model.onnx", "x");
  model.link("gone.pbtxt", "config.pbtxt");
  EXPECT_EQ(ModelFolder::open(model.path()).status().message(),
            "there is no file " + (model / "config.pbtxt"));
  std::filesystem::remove(model / "config.pbtxt");
  model.make_folder("config.pbtxt");
  EXPECT_EQ(ModelFolder::open(model.path()).status().message(),
            (model / "config.pbtxt") + " is no regular file");
}

TEST(ModelFolder, reads_its_files_by_their_bare_names) {
  const ModelDirectory model;
  model.write("1/model.onnx", "x");
  model.write("labels.txt", "cat\ndog\n");
  model.write("empty.txt", "");
  const auto folder = ModelFolder::open(model.path());
  ASSERT_TRUE(folder.ok());
  EXPECT_EQ(*folder->read("labels.txt"), "cat\ndog\n");
  EXPECT_EQ(*folder->read("empty.txt"), "");
  EXPECT_EQ(folder->read("missing.txt").status().to_string(),
            "NOT_FOUND: there is no file " + (model / "missing.txt"));
}

TEST(ModelFolder, reads_nothing_outside_of_itself) {
  const ModelDirectory model;
  model.write("1/model.onnx", "x");
  model.write("../secret.txt", "x");
  const auto folder = ModelFolder::open(model.path());
  ASSERT_TRUE(folder.ok());
  for (const char* name : {"", "..", "../secret.txt", "/etc/passwd", "1/model.onnx", "a/../b"}) {
    EXPECT_EQ(folder->read(name).status().code(), StatusCode::kInvalidArgument) << name;
  }
  for (const char* name : {".", "1"})
    EXPECT_FALSE(folder->read(name).ok()) << name;
}

TEST(ModelFolder, does_not_wait_for_a_pipe) {
  const ModelDirectory model;
  model.write("1/model.onnx", "x");
  ASSERT_EQ(mkfifo((model / "labels.txt").c_str(), 0600), 0);
  const auto folder = ModelFolder::open(model.path());
  ASSERT_TRUE(folder.ok());
  EXPECT_EQ(folder->read("labels.txt").status().message(),
            (model / "labels.txt") + " is no regular file");
}

TEST(ModelFolder, refuses_a_label_file_that_is_too_large) {
  const ModelDirectory model;
  model.write("1/model.onnx", "x");
  model.write("labels.txt", "x");
  std::filesystem::resize_file(model / "labels.txt", kMaxLabelFileBytes + 1);
  const auto folder = ModelFolder::open(model.path());
  ASSERT_TRUE(folder.ok());
  EXPECT_EQ(folder->read("labels.txt").status().code(), StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace muster
