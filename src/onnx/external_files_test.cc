// SPDX-License-Identifier: Apache-2.0
#include "onnx/external_files.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "onnx/testing/onnx_file.h"

namespace muster::onnx {
namespace {

namespace fs = std::filesystem;

class ExternalFiles : public testing::Test {
 protected:
  Status check(const std::string& location) const {
    return check_external_files(model_file_, {{location, "w"}});
  }
  void expect_refused(const std::string& location, std::string_view words) const {
    const Status status = check(location);
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
    EXPECT_NE(status.message().find(words), std::string_view::npos) << status.message();
    EXPECT_NE(status.message().find("tensor 'w'"), std::string_view::npos) << status.message();
  }

  TemporaryFolder folder_;
  std::string model_file_ = folder_.write("model/model.onnx", "x");
  std::string inside_ = folder_.write("model/parts/w.bin", "w");
  std::string outside_ = folder_.write("outside.bin", "secret");
  std::string sibling_ = folder_.write("model_of_another/w.bin", "secret");
};

TEST_F(ExternalFiles, takes_files_inside_the_folder) {
  EXPECT_TRUE(check("parts/w.bin").ok());
  EXPECT_TRUE(check("./parts/../parts/w.bin").ok());
  EXPECT_TRUE(check_external_files(model_file_, {}).ok());
}

TEST_F(ExternalFiles, takes_links_that_stay_inside) {
  fs::create_symlink("parts/w.bin", folder_.path() / "model/link.bin");
  EXPECT_TRUE(check("link.bin").ok());
}

TEST_F(ExternalFiles, takes_a_model_whose_folder_is_reached_by_a_link) {
  fs::create_symlink("model", folder_.path() / "link");
  EXPECT_TRUE(
      check_external_files((folder_.path() / "link/model.onnx").string(), {{"parts/w.bin", "w"}})
          .ok());
}

TEST_F(ExternalFiles, refuses_paths_that_lead_outside) {
  expect_refused("../outside.bin", "outside the model's folder");
  expect_refused("parts/../../outside.bin", "outside the model's folder");
  expect_refused("../model_of_another/w.bin", "outside the model's folder");
  expect_refused("../nonexistent.bin", "outside the model's folder");
  expect_refused("..", "outside the model's folder");
}

TEST_F(ExternalFiles, refuses_links_that_lead_outside) {
  fs::create_symlink("../outside.bin", folder_.path() / "model/link.bin");
  fs::create_symlink("..", folder_.path() / "model/up");
  expect_refused("link.bin", "outside the model's folder");
  expect_refused("up/outside.bin", "outside the model's folder");
}

TEST_F(ExternalFiles, refuses_what_is_no_relative_path_to_a_file) {
  expect_refused(outside_, "absolute");
  expect_refused(inside_, "absolute");
  expect_refused("", "empty");
  expect_refused(std::string("parts/w.bin\0.txt", 16), "NUL");
  expect_refused("parts", "no regular file");
  expect_refused(".", "outside the model's folder");
  expect_refused("parts/none.bin", "does not exist");
  // ONNX Runtime's own mark for "the weights lie at this address of memory".
  expect_refused("*/_ORT_MEM_ADDR_/*", "does not exist");
}

}  // namespace
}  // namespace muster::onnx
