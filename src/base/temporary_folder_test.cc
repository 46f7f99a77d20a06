// SPDX-License-Identifier: Apache-2.0
#include "base/temporary_folder.h"

#include <fstream>
#include <optional>

#include <gtest/gtest.h>

namespace muster {
namespace {

namespace fs = std::filesystem;

TEST(TemporaryFolder, goes_with_all_that_is_in_it) {
  fs::path path;
  {
    const auto folder = TemporaryFolder::make("muster-test");
    ASSERT_TRUE(folder.ok()) << folder.status().to_string();
    path = folder->path();
    EXPECT_TRUE(path.filename().string().starts_with("muster-test-"));
    fs::create_directory(path / "below");
    std::ofstream(path / "below" / "file") << "text";
  }
  EXPECT_FALSE(fs::exists(path));
}

TEST(TemporaryFolder, is_another_each_time_and_goes_once) {
  const TemporaryFolder outer = TemporaryFolder::make("muster-test").value();
  std::optional<TemporaryFolder> first(TemporaryFolder::make("a", outer.path()).value());
  const TemporaryFolder second = TemporaryFolder::make("a", outer.path()).value();
  EXPECT_EQ(second.path().parent_path(), outer.path());
  EXPECT_NE(first->path(), second.path());
  const fs::path path = first->path();
  {
    const TemporaryFolder moved = *std::move(first);
    first.reset();
    EXPECT_TRUE(fs::is_directory(path));
  }
  EXPECT_FALSE(fs::exists(path));
}

TEST(TemporaryFolder, says_where_none_can_be_made) {
  const auto folder = TemporaryFolder::make("a", "/no/such\nplace");
  EXPECT_EQ(folder.status().code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(folder.status().message(),
            "no folder can be made in /no/such\\x0aplace: No such file or directory");
}

}  // namespace
}  // namespace muster
