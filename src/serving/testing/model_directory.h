// SPDX-License-Identifier: Apache-2.0
// ModelDirectory: a folder of files for one test, gone when the test ends.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace muster::testing {

class ModelDirectory {
 public:
  // <temporary>/muster_<suite>_<test>/<name>, empty.
  explicit ModelDirectory(const std::string& name = "model") : root_(root()), path_(root_ / name) {
    std::filesystem::remove_all(root_);
    std::filesystem::create_directories(path_);
  }
  ~ModelDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(root_, ignored);
  }
  ModelDirectory(const ModelDirectory&) = delete;
  ModelDirectory& operator=(const ModelDirectory&) = delete;

  // Writes a file, with the folders above it.
  void write(const std::string& file, std::string_view text) const {
    std::filesystem::create_directories((path_ / file).parent_path());
    std::ofstream(path_ / file, std::ios::binary) << text;
  }
  void link(const std::string& target, const std::string& name) const {
    std::filesystem::create_symlink(target, path_ / name);
  }
  void make_folder(const std::string& name) const {
    std::filesystem::create_directories(path_ / name);
  }

  [[nodiscard]] std::string path() const { return path_.string(); }
  [[nodiscard]] std::string operator/(const std::string& file) const {
    return (path_ / file).string();
  }

 private:
  static std::filesystem::path root() {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    return std::filesystem::path(::testing::TempDir()) /
           (std::string("muster_") + test->test_suite_name() + "_" + test->name());
  }

  const std::filesystem::path root_;
  const std::filesystem::path path_;
};

}  // namespace muster::testing
