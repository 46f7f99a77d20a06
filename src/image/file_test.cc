// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <muster/image.h>

namespace muster {
namespace {

class ReadPictureFile : public ::testing::Test {
 protected:
  ReadPictureFile()
      : folder_(::testing::TempDir() + "muster_file_test_" + std::to_string(getpid())) {
    std::filesystem::create_directories(folder_);
  }
  ~ReadPictureFile() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] std::string path(const std::string& name) const { return folder_ + "/" + name; }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(path(name), std::ios::binary) << text;
  }

 private:
  const std::string folder_;
};

TEST_F(ReadPictureFile, gives_every_byte) {
  const std::string text(100000, 'x');
  write("a.png", text);
  const Result<Buffer> buffer = read_picture_file(path("a.png"));
  ASSERT_TRUE(buffer.ok()) << buffer.status().to_string();
  ASSERT_EQ(buffer->size(), text.size());
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(buffer->bytes().data()), buffer->size()),
            text);
}

TEST_F(ReadPictureFile, says_what_is_missing) {
  const Status status = read_picture_file(path("none.png")).status();
  EXPECT_EQ(status.code(), StatusCode::kNotFound);
  EXPECT_EQ(status.message(), "cannot open: No such file or directory");
}

TEST_F(ReadPictureFile, refuses_a_folder) {
  const Status status = read_picture_file(path("")).status();
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(), "is a folder, expected a picture file");
}

TEST_F(ReadPictureFile, refuses_a_pipe_without_waiting_for_its_writer) {
  ASSERT_EQ(mkfifo(path("pipe.png").c_str(), 0600), 0);
  const Status status = read_picture_file(path("pipe.png")).status();
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(), "is a pipe, expected a picture file");
}

TEST_F(ReadPictureFile, refuses_a_device) {
  EXPECT_EQ(read_picture_file("/dev/zero").status().message(),
            "is a device, expected a picture file");
}

TEST_F(ReadPictureFile, refuses_an_empty_file) {
  write("empty.png", "");
  const Status status = read_picture_file(path("empty.png")).status();
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(), "the file is empty, expected a PNG or JPEG picture");
}

TEST_F(ReadPictureFile, refuses_more_than_the_limit_and_takes_the_limit_itself) {
  write("a.png", "12345");
  PictureLimits limits;
  limits.max_file_bytes = 4;
  const Status status = read_picture_file(path("a.png"), limits).status();
  EXPECT_EQ(status.code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(status.message(), "file of 5 bytes is over the limit of 4 (max_file_bytes)");
  limits.max_file_bytes = 5;
  EXPECT_TRUE(read_picture_file(path("a.png"), limits).ok());
}

}  // namespace
}  // namespace muster
