// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "model_config/model_config.h"

namespace muster {
namespace {

constexpr std::int64_t kAvailable[] = {3, 12, 7};

TEST(ChooseVersion, takes_the_newest) {
  EXPECT_EQ(*choose_version({}, kAvailable), 12);
  EXPECT_EQ(*choose_version({VersionChoice::Kind::kAll, 1, {}}, kAvailable), 12);
}

TEST(ChooseVersion, takes_the_newest_of_those_named) {
  EXPECT_EQ(*choose_version({VersionChoice::Kind::kSpecific, 1, {3, 7, 99}}, kAvailable), 7);
}

TEST(ChooseVersion, tells_what_is_missing) {
  EXPECT_EQ(choose_version({}, {}).status().message(),
            "there is no version folder; put the model file into a folder named 1");
  const Status none = choose_version({VersionChoice::Kind::kSpecific, 1, {4}}, kAvailable).status();
  EXPECT_EQ(none.code(), StatusCode::kNotFound);
  EXPECT_EQ(none.message(),
            "version_policy.specific names none of the versions that are there; the newest is 12");
}

TEST(BackendNames, follow_from_the_file) {
  EXPECT_EQ(backend_of_file("model.onnx"), "onnxruntime");
  EXPECT_EQ(backend_of_file("model.plan"), "tensorrt");
  EXPECT_EQ(backend_of_file("model.xml"), "openvino");
  EXPECT_EQ(backend_of_file("model.pt"), "");
  EXPECT_EQ(usual_model_filename("onnxruntime"), "model.onnx");
  EXPECT_EQ(usual_model_filename("my_backend"), "");
}

}  // namespace
}  // namespace muster
