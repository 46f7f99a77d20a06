// SPDX-License-Identifier: Apache-2.0
#include "app/advise/replace_file.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/temporary_folder.h"

namespace muster {
namespace {

namespace fs = std::filesystem;

class ReplaceFile : public ::testing::Test {
 protected:
  void write(const fs::path& path, std::string_view text) const {
    std::ofstream(path, std::ios::binary) << text;
  }
  [[nodiscard]] static std::string read(const fs::path& path) {
    std::ifstream stream(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(folder_))
      found.push_back(entry.path().filename().string());
    std::ranges::sort(found);
    return found;
  }

  const TemporaryFolder temporary_ = TemporaryFolder::make("muster-replace-file").value();
  const fs::path folder_ = temporary_.path();
  const std::string path_ = (folder_ / "config.pbtxt").string();
};

TEST_F(ReplaceFile, writes_one_that_was_not_there) {
  const auto kept = replace_file(path_, std::nullopt, "new");
  ASSERT_TRUE(kept.ok()) << kept.status().message();
  EXPECT_EQ(*kept, "");
  EXPECT_EQ(read(path_), "new");
  EXPECT_EQ(names(), std::vector<std::string>{"config.pbtxt"});
}

TEST_F(ReplaceFile, keeps_what_was_there_with_its_rights) {
  write(path_, "old");
  fs::permissions(path_, fs::perms(0640));
  const auto kept = replace_file(path_, "old", "new");
  ASSERT_TRUE(kept.ok()) << kept.status().message();
  EXPECT_EQ(*kept, path_ + ".bak");
  EXPECT_EQ(read(*kept), "old");
  EXPECT_EQ(read(path_), "new");
  EXPECT_EQ(fs::status(path_).permissions(), fs::perms(0640));
}

TEST_F(ReplaceFile, never_writes_over_what_it_kept_before) {
  write(path_, "1");
  write(path_ + ".bak", "of the user");
  ASSERT_EQ(replace_file(path_, "1", "2").value(), path_ + ".bak.2");
  ASSERT_EQ(replace_file(path_, "2", "3").value(), path_ + ".bak.3");
  EXPECT_EQ(read(path_ + ".bak"), "of the user");
  EXPECT_EQ(read(path_ + ".bak.2"), "1");
  EXPECT_EQ(read(path_ + ".bak.3"), "2");
  EXPECT_EQ(read(path_), "3");
}

TEST_F(ReplaceFile, leaves_alone_what_somebody_has_changed) {
  write(path_, "theirs");
  for (const auto& before : {std::optional<std::string>("old"), std::optional<std::string>()}) {
    const auto kept = replace_file(path_, before, "new");
    EXPECT_EQ(kept.status().code(), StatusCode::kAborted);
  }
  EXPECT_EQ(read(path_), "theirs");
  EXPECT_EQ(names(), std::vector<std::string>{"config.pbtxt"});
}

TEST_F(ReplaceFile, leaves_alone_what_is_gone) {
  EXPECT_EQ(replace_file(path_, "old", "new").status().code(), StatusCode::kAborted);
  EXPECT_TRUE(names().empty());
}

TEST_F(ReplaceFile, writes_to_no_link_and_to_nothing_but_files) {
  write(folder_ / "shared", "shared");
  fs::create_symlink("shared", path_);
  EXPECT_FALSE(check_replaceable(path_).ok());
  EXPECT_FALSE(replace_file(path_, "shared", "new").ok());
  EXPECT_EQ(read(folder_ / "shared"), "shared");
  fs::remove(path_);
  fs::create_directory(path_);
  EXPECT_FALSE(check_replaceable(path_).ok());
}

TEST_F(ReplaceFile, says_that_there_is_no_such_folder) {
  const std::string path = (folder_ / "none" / "config.pbtxt").string();
  EXPECT_FALSE(check_replaceable(path).ok());
  EXPECT_FALSE(replace_file(path, std::nullopt, "new").ok());
}

}  // namespace
}  // namespace muster
