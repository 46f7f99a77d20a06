// SPDX-License-Identifier: Apache-2.0
#include "app/picture_paths.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace muster {
namespace {

namespace fs = std::filesystem;

class PicturePathsTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    root_ = fs::path(testing::TempDir()) / "picture_paths" / test->name();
    fs::remove_all(root_);
    for (const char* name : {"b.png", "a.JPG", "notes.txt", "below/c.jpeg", "below/more/d.png"}) {
      fs::create_directories((root_ / name).parent_path());
      std::ofstream(root_ / name) << "x";
    }
  }
  [[nodiscard]] std::string at(const std::string& name) const { return (root_ / name).string(); }

  fs::path root_;
};

using Names = std::vector<std::string>;

TEST_F(PicturePathsTest, takes_files_as_they_are_given) {
  const PicturePaths found = find_pictures({at("notes.txt"), at("b.png"), at("notes.txt")});
  EXPECT_EQ(found.files, (Names{at("notes.txt"), at("b.png"), at("notes.txt")}));
  EXPECT_TRUE(found.errors.empty());
}

TEST_F(PicturePathsTest, looks_below_a_folder_for_pictures_by_their_endings) {
  const PicturePaths found = find_pictures({root_.string()});
  EXPECT_EQ(found.files,
            (Names{at("a.JPG"), at("b.png"), at("below/c.jpeg"), at("below/more/d.png")}));
}

TEST_F(PicturePathsTest, expands_patterns_in_order) {
  const PicturePaths found = find_pictures({at("*.[pJ]*"), at("b*")});
  EXPECT_EQ(found.files, (Names{at("a.JPG"), at("b.png"), at("b.png"), at("below/c.jpeg"),
                                at("below/more/d.png")}));
}

TEST_F(PicturePathsTest, prefers_a_file_of_that_name_to_a_pattern) {
  std::ofstream(root_ / "[b].png") << "x";
  const PicturePaths found = find_pictures({at("[b].png")});
  EXPECT_EQ(found.files, Names{at("[b].png")});
}

TEST_F(PicturePathsTest, tells_what_leads_nowhere) {
  fs::create_directories(root_ / "empty");
  const PicturePaths found = find_pictures({at("empty"), at("none.png"), at("none*.png")});
  EXPECT_TRUE(found.files.empty());
  ASSERT_EQ(found.errors.size(), 3U);
  EXPECT_NE(found.errors[0].find("empty: no .png, .jpg or .jpeg file in this folder"),
            std::string::npos);
  EXPECT_NE(found.errors[1].find("none.png: no such file or folder"), std::string::npos);
  EXPECT_NE(found.errors[2].find("none*.png: no file has such a name"), std::string::npos);
}

TEST_F(PicturePathsTest, does_not_walk_in_circles) {
  fs::create_directory_symlink(root_, root_ / "below" / "up");
  EXPECT_EQ(find_pictures({root_.string()}).files.size(), 4U);
}

TEST_F(PicturePathsTest, leaves_a_dangling_link_to_be_named_when_it_is_read) {
  fs::create_symlink(root_ / "gone", root_ / "link.png");
  EXPECT_EQ(find_pictures({at("link.png")}).files, Names{at("link.png")});
}

}  // namespace
}  // namespace muster
