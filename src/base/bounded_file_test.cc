// SPDX-License-Identifier: Apache-2.0
#include "base/bounded_file.h"

#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "base/temporary_folder.h"

namespace muster {
namespace {

class BoundedFile : public ::testing::Test {
 protected:
  void SetUp() override { std::ofstream(path_, std::ios::binary) << std::string(100'000, 'x'); }

  const TemporaryFolder folder_ = TemporaryFolder::make("muster-bounded-file").value();
  const std::filesystem::path path_ = folder_.path() / "file";
};

TEST_F(BoundedFile, is_read_whole) {
  EXPECT_EQ(read_bounded(path_.string(), 100'000).value(), std::string(100'000, 'x'));
}

TEST_F(BoundedFile, is_refused_where_it_is_larger_than_the_limit) {
  const auto text = read_bounded(path_.string(), 99'999);
  EXPECT_EQ(text.status().code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(text.status().message(), path_.string() + " is larger than 99999 bytes");
}

TEST_F(BoundedFile, is_refused_where_it_is_none) {
  EXPECT_EQ(read_bounded(path_.string() + ".not", 10).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(read_bounded("/dev/zero", 10).status().code(), StatusCode::kInvalidArgument);
}

TEST_F(BoundedFile, may_be_one_without_a_size) {
  EXPECT_FALSE(read_bounded("/proc/self/status", 1 << 20).value().empty());
}

}  // namespace
}  // namespace muster
