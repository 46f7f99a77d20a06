// SPDX-License-Identifier: Apache-2.0
#include <string>

#include <gtest/gtest.h>

#include "app/doctor/testing/facts.h"

namespace muster {
namespace {

using testing::file_of;
using testing::folder_of;
using testing::found_by;
using testing::model_with;
using testing::only;

// What a server finds no model in.
ModelFacts without_model(std::vector<FoundFile> files, const std::string& config = "") {
  ModelFacts model = model_with(config);
  model.versions[0].files = std::move(files);
  model.versions[0].file.clear();
  model.versions[0].load_failure = not_found("there is no model");
  model.versions[0].signature.reset();
  model.versions[0].config.reset();
  return model;
}

TEST(FileChecks, find_nothing_in_a_sound_model) {
  for (const ModelCheck& check : file_checks()) {
    EXPECT_EQ(only(found_by(check.name, model_with())), "none") << check.name;
    EXPECT_EQ(only(found_by(check.name, model_with(""))), "none") << check.name;
  }
}

TEST(VersionName, is_found_where_it_is_no_number) {
  ModelFacts model = model_with();
  model.files.push_back(folder_of("v2"));
  const Findings found = found_by("version-name", model);
  EXPECT_EQ(only(found),
            "models/m/v2: it is no version and is passed over: versions are folders named 1, 2, 3, "
            "... -> mv -- 'models/m/v2' 'models/m/2'");
  EXPECT_EQ(found[0].severity, Severity::kWarning);
}

TEST(VersionName, is_an_error_where_there_is_no_other) {
  ModelFacts model = model_with();
  model.found_versions.clear();
  for (const auto& [name, version] : {std::pair{"01", "1"}, {"0", "1"}, {"latest", "1"}}) {
    model.files = {folder_of(name), folder_of(".git")};
    const Findings found = found_by("version-name", model);
    ASSERT_EQ(found.size(), 1U) << name;
    EXPECT_EQ(found[0].severity, Severity::kError);
    EXPECT_EQ(found[0].fix,
              std::string("mv -- 'models/m/") + name + "' 'models/m/" + version + "'");
  }
}

TEST(VersionName, is_moved_by_a_command_only_where_its_path_can_be_shown) {
  ModelFacts model = model_with();
  model.files.push_back(folder_of("it's 2"));
  EXPECT_EQ(found_by("version-name", model).at(0).fix,
            R"(mv -- 'models/m/it'\''s 2' 'models/m/2')");
  model.files.back().name = "v\n2";
  EXPECT_EQ(found_by("version-name", model).at(0).fix, "move it to 'models/m/2'");
}

TEST(VersionName, is_not_to_be_one_that_is_taken) {
  ModelFacts model = model_with();
  model.files.push_back(folder_of("01"));
  EXPECT_EQ(found_by("version-name", model).at(0).fix,
            "remove it, or name it by a number that is free");
}

TEST(ConfigName, is_found_where_it_is_nearly_right) {
  for (const char* name : {"config.pbtx", "Config.pbtxt", "config.txt", "config.pbtxt.txt"}) {
    ModelFacts model = model_with("");
    model.files.push_back(file_of(name));
    EXPECT_EQ(found_by("config-name", model).at(0).fix,
              std::string("mv -- 'models/m/") + name + "' 'models/m/config.pbtxt'");
  }
  ModelFacts model = model_with();
  model.files.push_back(file_of("config.txt"));
  EXPECT_EQ(only(found_by("config-name", model)), "none") << "there is a right one, too";
}

TEST(ModelFileName, is_found_where_it_is_another) {
  EXPECT_EQ(only(found_by("model-file-name", without_model({file_of("digits.onnx")}))),
            "models/m/1/digits.onnx: it is not looked at: the model file's name is model.onnx -> "
            "mv -- 'models/m/1/digits.onnx' 'models/m/1/model.onnx', or write "
            "default_model_filename: \"digits.onnx\" in 'models/m/config.pbtxt'");
  EXPECT_EQ(
      only(found_by("model-file-name", without_model({file_of("model.onnx")},
                                                     "default_model_filename: \"digits.onnx\""))),
      "models/m/1/model.onnx: it is not looked at: the model file's name is digits.onnx -> "
      "mv -- 'models/m/1/model.onnx' 'models/m/1/digits.onnx', or write "
      "default_model_filename: \"model.onnx\" in 'models/m/config.pbtxt'");
  EXPECT_EQ(only(found_by("model-file-name", without_model({file_of("notes.txt")}))), "none");
}

TEST(ModelFileName, is_found_where_it_is_of_another_backend) {
  EXPECT_EQ(only(found_by("model-file-name",
                          without_model({file_of("model.xml")}, "backend: \"onnxruntime\""))),
            "models/m/1/model.xml: it is a model of backend 'openvino', and the configuration says "
            "'onnxruntime' -> write backend: \"openvino\" in 'models/m/config.pbtxt'");
}

TEST(ModelFileName, is_found_where_it_lies_in_no_version) {
  ModelFacts model = model_with("");
  model.found_versions.clear();
  model.versions.clear();
  model.files = {file_of("net.onnx")};
  EXPECT_EQ(only(found_by("model-file-name", model)),
            "models/m/net.onnx: it lies in no version folder under the usual name -> mkdir "
            "-- 'models/m/1'; mv -- 'models/m/net.onnx' 'models/m/1/model.onnx'");
}

TEST(UnusedModelFile, is_noted) {
  ModelFacts model = model_with();
  model.versions[0].files.push_back(file_of("model.xml"));
  const Findings found = found_by("unused-model-file", model);
  EXPECT_EQ(only(found),
            "models/m/1/model.xml: it is not used: model.onnx beside it is the model -> remove it, "
            "or name it in the configuration: backend: \"openvino\" default_model_filename: "
            "\"model.xml\"");
  EXPECT_EQ(found[0].severity, Severity::kNote);
}

TEST(Permissions, are_found_where_files_cannot_be_read_or_can_be_written) {
  const auto found = [](void (*spoil)(FoundFile & file)) {
    ModelFacts model = model_with();
    spoil(model.versions[0].files[0]);
    return only(found_by("permissions", model));
  };
  const std::string file = "models/m/1/model.onnx: ";
  EXPECT_EQ(found([](FoundFile& f) { f.is_readable = false; }),
            file + "this user may not read it -> chmod a+r -- 'models/m/1/model.onnx'");
  EXPECT_EQ(found([](FoundFile& f) { f.others_may_write = true; }),
            file +
                "every user of this machine may replace what is served -> chmod o-w "
                "-- 'models/m/1/model.onnx'");
  EXPECT_EQ(found([](FoundFile& f) { f.leads_out = true; }),
            file +
                "it is a link that leads out of the repository, which is not followed -> copy "
                "the file itself here");
  EXPECT_EQ(found([](FoundFile& f) { f.is_dangling = true; }),
            file +
                "it is a link that leads nowhere -> copy the file itself here, or remove the "
                "link");
  ModelFacts model = model_with();
  model.files[0].is_readable = false;
  EXPECT_EQ(only(found_by("permissions", model)),
            "models/m/1: this user may not read it -> chmod a+rx -- 'models/m/1'");
}

TEST(UnnamedLabels, are_found) {
  ModelFacts model = model_with(
      "max_batch_size: 8\noutput [ { name: \"y\" data_type: TYPE_FP32\n"
      "dims: [ 4 ] } ]");
  model.files.push_back(file_of("labels.txt"));
  EXPECT_EQ(only(found_by("unnamed-labels", model)),
            "models/m/config.pbtxt:2: there is a labels.txt, and the configuration does not name "
            "it: classes have numbers only -> output [ { name: \"y\" label_filename: "
            "\"labels.txt\" } ]");
  model.versions[0].config->labels["y"] = {"ant"};
  EXPECT_EQ(only(found_by("unnamed-labels", model)), "none");
}

TEST(Code, is_noted) {
  ModelFacts model = model_with();
  model.versions[0].files.push_back(file_of("custom_op.so"));
  EXPECT_EQ(
      only(found_by("code", model)),
      "models/m/1/custom_op.so: code in a model's folder is never loaded or run -> remove it");
}

}  // namespace
}  // namespace muster
