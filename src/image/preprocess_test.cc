// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <muster/image.h>

namespace muster {
namespace {

using Color = ImagePreprocessing::Color;
using Layout = ImagePreprocessing::Layout;

Picture picture_of(std::int64_t width, std::int64_t height, std::int64_t channels,
                   const std::vector<std::uint8_t>& levels) {
  Picture picture;
  picture.width = width;
  picture.height = height;
  picture.channels = channels;
  picture.pixels = Buffer::allocate(levels.size()).value();
  std::memcpy(picture.pixels.bytes().data(), levels.data(), levels.size());
  return picture;
}

ImagePreprocessing to(std::int64_t width, std::int64_t height, Color color,
                      Layout layout = Layout::kNhwc, DataType type = DataType::kUint8) {
  ImagePreprocessing preprocessing;
  preprocessing.width = width;
  preprocessing.height = height;
  preprocessing.color = color;
  preprocessing.layout = layout;
  preprocessing.type = type;
  return preprocessing;
}

template <typename Element>
std::vector<Element> row_of(const Picture& picture, const ImagePreprocessing& preprocessing) {
  const std::size_t count = element_count(preprocessing.row_shape()).value();
  std::vector<Element> row(count);
  const Status status =
      picture_to_row(picture, preprocessing, std::as_writable_bytes(std::span(row)));
  EXPECT_TRUE(status.ok()) << status.to_string();
  return row;
}

// 4x3, 0 to 231.
Picture gray_steps() {
  std::vector<std::uint8_t> levels;
  for (int i = 0; i < 12; ++i)
    levels.push_back(static_cast<std::uint8_t>(21 * i));
  return picture_of(4, 3, 1, levels);
}

// The expected levels of these are cv2.resize's.
TEST(PictureToRow, enlarges_as_cv2_does) {
  const std::vector<std::uint8_t> expected = {
      0,   7,   19,  31,  43,  55,  63,  34,  41,  53,  65,  77,  89,  97,  84,  91,  104, 116,
      127, 140, 147, 134, 142, 154, 166, 178, 190, 197, 168, 175, 187, 199, 211, 223, 231};
  EXPECT_EQ(row_of<std::uint8_t>(gray_steps(), to(7, 5, Color::kGrayscale)), expected);
}

TEST(PictureToRow, reduces_as_cv2_does) {
  EXPECT_EQ(row_of<std::uint8_t>(gray_steps(), to(3, 2, Color::kGrayscale)),
            (std::vector<std::uint8_t>{24, 52, 80, 150, 178, 206}));
  EXPECT_EQ(row_of<std::uint8_t>(gray_steps(), to(2, 1, Color::kGrayscale)),
            (std::vector<std::uint8_t>{95, 137}));
  EXPECT_EQ(row_of<std::uint8_t>(gray_steps(), to(1, 1, Color::kGrayscale)),
            (std::vector<std::uint8_t>{116}));
}

TEST(PictureToRow, resizes_colours_as_cv2_does) {
  const Picture picture =
      picture_of(4, 2, 3, {0, 37, 74,  111, 148, 185, 222, 3,   40,  77, 114, 151,
                           5, 96, 187, 22,  113, 204, 39,  130, 221, 56, 147, 238});
  EXPECT_EQ(
      row_of<std::uint8_t>(picture, to(3, 3, Color::kBgr)),
      (std::vector<std::uint8_t>{18,  55, 92,  166, 75, 112, 101, 95, 132, 13,  77, 141, 99, 99,
                                 163, 77, 120, 184, 8,  99,  190, 30, 121, 212, 53, 144, 235}));
  // Exact halves have an arithmetic of their own.
  EXPECT_EQ(row_of<std::uint8_t>(picture, to(2, 1, Color::kBgr)),
            (std::vector<std::uint8_t>{35, 99, 163, 99, 99, 163}));
}

TEST(PictureToRow, enlarges_one_pixel_to_a_plane_of_it) {
  const std::vector<std::uint8_t> row =
      row_of<std::uint8_t>(picture_of(1, 1, 1, {200}), to(5, 7, Color::kGrayscale));
  EXPECT_TRUE(std::ranges::all_of(row, [](std::uint8_t level) { return level == 200; }));
}

TEST(PictureToRow, lays_channels_out_as_asked) {
  const Picture picture = picture_of(2, 1, 3, {1, 2, 3, 11, 12, 13});  // blue, green, red
  const auto row = [&picture](Color color, Layout layout) {
    return row_of<std::uint8_t>(picture, to(2, 1, color, layout));
  };
  using Row = std::vector<std::uint8_t>;
  EXPECT_EQ(row(Color::kRgb, Layout::kNhwc), (Row{3, 2, 1, 13, 12, 11}));
  EXPECT_EQ(row(Color::kBgr, Layout::kNhwc), (Row{1, 2, 3, 11, 12, 13}));
  EXPECT_EQ(row(Color::kRgb, Layout::kNchw), (Row{3, 13, 2, 12, 1, 11}));
  EXPECT_EQ(row(Color::kBgr, Layout::kNchw), (Row{1, 11, 2, 12, 3, 13}));
}

TEST(PictureToRow, normalises_every_level_in_float) {
  std::vector<std::uint8_t> levels(256);
  std::iota(levels.begin(), levels.end(), std::uint8_t{0});
  ImagePreprocessing preprocessing = to(256, 1, Color::kGrayscale, Layout::kNchw, DataType::kFp32);
  preprocessing.mean = {123.675, 0, 0};
  preprocessing.std = {0.229, 1, 1};
  const std::vector<float> row = row_of<float>(picture_of(256, 1, 1, levels), preprocessing);
  for (std::size_t i = 0; i < row.size(); ++i) {
    const float expected = (static_cast<float>(i) - 123.675F) * (1.0F / 255.0F) / 0.229F;
    EXPECT_EQ(row[i], expected) << i;
  }
}

TEST(PictureToRow, takes_mean_and_std_in_the_order_of_the_row) {
  ImagePreprocessing preprocessing = to(1, 1, Color::kRgb, Layout::kNchw, DataType::kFp32);
  preprocessing.scale = 1;
  preprocessing.mean = {3, 1, 0};
  preprocessing.std = {1, 2, 4};
  const Picture picture = picture_of(1, 1, 3, {8, 5, 3});
  EXPECT_EQ(row_of<float>(picture, preprocessing), (std::vector<float>{0, 2, 2}));
}

std::string refusal(const Picture& picture, const ImagePreprocessing& preprocessing,
                    std::size_t bytes, std::size_t offset = 0) {
  alignas(64) std::array<std::byte, 256> storage;
  const Status status =
      picture_to_row(picture, preprocessing, std::span(storage).subspan(offset, bytes));
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  return std::string(status.message());
}

TEST(PictureToRow, refuses_what_does_not_fit) {
  const Picture picture = gray_steps();
  EXPECT_EQ(refusal(picture, to(4, 3, Color::kGrayscale), 11),
            "row has 11 bytes, expected 12 for UINT8 [3,4,1]");
  EXPECT_EQ(refusal(picture, to(4, 3, Color::kRgb), 36), "picture has 1 channels, expected 3");
  EXPECT_EQ(refusal(picture, to(0, 3, Color::kGrayscale), 0),
            "preprocessing asks for 0x3 pixels, expected at least 1x1");
  EXPECT_EQ(refusal(picture, to(4, 3, Color::kGrayscale, Layout::kNchw, DataType::kInt8), 12),
            "preprocessing makes no INT8, only FP32 and UINT8");
  EXPECT_EQ(refusal(picture, to(4, 3, Color::kGrayscale, Layout::kNchw, DataType::kFp32), 48, 2),
            "row does not start at a multiple of 4 bytes, which FP32 needs");
  EXPECT_EQ(refusal(Picture{}, to(1, 1, Color::kGrayscale), 1),
            "picture has 0 channels, expected 1");
  constexpr std::int64_t kHuge = std::numeric_limits<std::int64_t>::max();
  EXPECT_FALSE(refusal(picture, to(kHuge, kHuge, Color::kGrayscale), 12).empty());
  Picture short_of_pixels = gray_steps();
  short_of_pixels.height = 4;
  EXPECT_EQ(refusal(short_of_pixels, to(4, 3, Color::kGrayscale), 12),
            "picture has 12 bytes of pixels, expected 16");
}

TEST(FileToRow, decodes_resizes_and_normalises) {
  const Result<Buffer> file =
      read_picture_file(std::string(MUSTER_SOURCE_DIR) + "/tests/pictures/one_pixel.png");
  ASSERT_TRUE(file.ok()) << file.status().to_string();
  const ImagePreprocessing preprocessing = to(2, 2, Color::kRgb, Layout::kNchw, DataType::kFp32);
  std::array<float, 12> row;
  const Status status =
      file_to_row(file->bytes(), preprocessing, std::as_writable_bytes(std::span(row)));
  ASSERT_TRUE(status.ok()) << status.to_string();
  const float scale = 1.0F / 255.0F;
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(row[i], 200 * scale);
    EXPECT_EQ(row[4 + i], 100 * scale);
    EXPECT_EQ(row[8 + i], 50 * scale);
  }
}

}  // namespace
}  // namespace muster
