// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <muster/image.h>

#include "image/orientation.h"

namespace muster {
namespace {

using Bytes = std::vector<std::byte>;

Bytes picture_file(const std::string& name) {
  const Result<Buffer> file =
      read_picture_file(std::string(MUSTER_SOURCE_DIR) + "/tests/pictures/" + name);
  EXPECT_TRUE(file.ok()) << name << ": " << file.status().to_string();
  if (!file.ok()) return {};
  return {file->bytes().begin(), file->bytes().end()};
}

Picture decoded(const std::string& name, bool grayscale) {
  Result<Picture> picture = decode_picture(picture_file(name), grayscale);
  EXPECT_TRUE(picture.ok()) << name << ": " << picture.status().to_string();
  if (!picture.ok()) return {};
  return std::move(picture).value();
}

bool same(const Picture& a, const Picture& b) {
  return a.width == b.width && a.height == b.height && a.channels == b.channels &&
         std::ranges::equal(a.pixels.bytes(), b.pixels.bytes());
}

int level(const Picture& picture, std::int64_t x, std::int64_t y, std::int64_t channel) {
  const std::int64_t at = (y * picture.width + x) * picture.channels + channel;
  return std::to_integer<int>(picture.pixels.bytes()[static_cast<std::size_t>(at)]);
}

// From the first place where `pattern` is, or the last.
std::size_t find_first(const Bytes& bytes, const std::array<int, 2>& pattern) {
  const std::array<std::byte, 2> wanted = {std::byte(pattern[0]), std::byte(pattern[1])};
  return static_cast<std::size_t>(
      std::search(bytes.begin(), bytes.end(), wanted.begin(), wanted.end()) - bytes.begin());
}
std::size_t find_last(const Bytes& bytes, const std::array<int, 2>& pattern) {
  const std::array<std::byte, 2> wanted = {std::byte(pattern[0]), std::byte(pattern[1])};
  return static_cast<std::size_t>(
      std::find_end(bytes.begin(), bytes.end(), wanted.begin(), wanted.end()) - bytes.begin());
}

void expect_one_line(const Status& status) {
  EXPECT_FALSE(status.message().empty());
  EXPECT_TRUE(std::ranges::all_of(status.message(), [](char c) { return c >= ' ' && c <= '~'; }))
      << status.message();
}

// cv2.imread's values at (x,y).
struct Known {
  const char* name;
  std::int64_t x;
  std::int64_t y;
  int gray;
  std::array<int, 3> bgr;
};

TEST(DecodePicture, gives_the_levels_of_cv2) {
  constexpr Known kKnown[] = {
      {"one_pixel.png", 0, 0, 124, {50, 100, 200}},
      {"rgb.png", 70, 40, 161, {98, 161, 187}},
      {"rgb_srgb.png", 70, 40, 164, {98, 161, 187}},
      {"rgb_gama.png", 95, 63, 243, {86, 255, 255}},
      {"rgb_16bit.png", 70, 40, 152, {2, 162, 188}},
      {"rgb_16bit_srgb.png", 70, 40, 162, {2, 162, 188}},
      {"palette.png", 95, 63, 123, {196, 135, 74}},
      {"gray_4bit.png", 70, 40, 102, {102, 102, 102}},
      {"color_420.jpg", 50, 40, 63, {67, 62, 63}},
      {"progressive.jpg", 60, 63, 208, {93, 255, 160}},
      {"gray.jpg", 60, 63, 255, {255, 255, 255}},
      {"cmyk.jpg", 60, 63, 33, {109, 1, 66}},
      {"exif6.jpg", 50, 40, 69, {62, 53, 104}},
  };
  for (const Known& known : kKnown) {
    EXPECT_EQ(level(decoded(known.name, true), known.x, known.y, 0), known.gray) << known.name;
    const Picture picture = decoded(known.name, false);
    for (std::size_t c = 0; c < 3; ++c)
      EXPECT_EQ(level(picture, known.x, known.y, static_cast<std::int64_t>(c)), known.bgr[c])
          << known.name;
  }
}

TEST(DecodePicture, drops_alpha_and_ignores_how_pixels_are_laid_down) {
  const Picture rgb = decoded("rgb.png", false);
  for (const char* name : {"rgba.png", "rgb_interlaced.png", "rgb_gama.png", "rgb_srgb.png"})
    EXPECT_TRUE(same(decoded(name, false), rgb)) << name;
  const Picture gray = decoded("gray.png", true);
  for (const char* name : {"gray_alpha.png", "gray_interlaced.png"})
    EXPECT_TRUE(same(decoded(name, true), gray)) << name;
  EXPECT_TRUE(same(decoded("progressive.jpg", true), decoded("color_420.jpg", true)));
}

TEST(DecodePicture, skips_texts_and_profiles_that_unpack_to_much) {
  const Picture rgb = decoded("rgb.png", false);
  EXPECT_TRUE(same(decoded("hostile/ztxt_bomb.png", false), rgb));
  EXPECT_TRUE(same(decoded("hostile/iccp_bomb.png", false), rgb));
}

TEST(DecodePicture, turns_by_exif) {
  Result<Picture> expected = turned(decoded("rgb.png", false), 6);
  ASSERT_TRUE(expected.ok());
  EXPECT_EQ(expected->width, 64);
  EXPECT_EQ(expected->height, 96);
  EXPECT_TRUE(same(decoded("rgb_exif6.png", false), *expected));
}

TEST(DecodePicture, refuses_hostile_files_by_name) {
  constexpr std::array<std::array<const char*, 2>, 15> kExpected = {{
      {"truncated.png", "PNG is cut off after 1972 bytes"},
      {"truncated.jpg", "JPEG is cut off after 1092 bytes"},
      {"bad_crc.png", "PNG is corrupt: invalid chunk checksum"},
      {"no_idat.png", "PNG is corrupt: "},
      {"no_plte.png", "PNG is corrupt: missing PLTE for indexed image"},
      {"short_idat.png", "PNG is corrupt: IDAT stream too short"},
      {"zero_width.png", "PNG has a width or height of 0 or over 2147483647 pixels"},
      {"text.png", "not a PNG or JPEG picture (starts with 54 68 69 73)"},
      {"garbage_after_start.jpg", "not a PNG or JPEG picture (starts with ff d8 "},
      {"corrupt_middle.jpg", "JPEG is corrupt: "},
      {"claims_100000x100000.png",
       "picture of 100000x100000 pixels is over the limit of 67108864 (max_pixels)"},
      {"unpacks_to_gigabytes.png", "picture of 40000x40000 pixels is over the limit of 67108864"},
      {"claims_65500x65500.jpg", "picture of 65500x65500 pixels is over the limit of 67108864"},
      {"claims_65500x65500_progressive.jpg", "picture of 65500x65500 pixels is over the limit"},
      {"one_byte", "not a PNG or JPEG picture (starts with 89)"},
  }};
  for (const auto& [name, message] : kExpected) {
    const Bytes file = std::string_view(name) == "one_byte"
                           ? Bytes{std::byte{0x89}}
                           : picture_file(std::string("hostile/") + name);
    const Status status = decode_picture(file, false).status();
    EXPECT_TRUE(status.message().starts_with(message)) << name << ": " << status.to_string();
    EXPECT_EQ(status.code(), status.message().find("limit") == std::string_view::npos
                                 ? StatusCode::kInvalidArgument
                                 : StatusCode::kResourceExhausted)
        << name;
    expect_one_line(status);
  }
  EXPECT_EQ(decode_picture({}, true).status().message(),
            "the file is empty, expected a PNG or JPEG picture");
}

TEST(DecodePicture, refuses_a_picture_cut_off_anywhere) {
  for (const char* name :
       {"one_pixel.png", "palette.png", "gray_interlaced.png", "rgb_exif6.png", "color_444.jpg",
        "progressive.jpg", "exif6.jpg", "gray.jpg", "cmyk.jpg"}) {
    const Bytes file = picture_file(name);
    for (std::size_t size = 0; size < file.size(); ++size) {
      // Of its own size, so that a sanitizer sees the first byte behind it.
      const Bytes cut(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(size));
      const Status status = decode_picture(cut, true).status();
      ASSERT_EQ(status.code(), StatusCode::kInvalidArgument) << name << " cut at " << size;
      expect_one_line(status);
    }
  }
}

TEST(DecodePicture, survives_any_byte_changed) {
  for (const char* name : {"one_pixel.png", "palette.png", "gray.jpg", "progressive.jpg"}) {
    const Bytes file = picture_file(name);
    for (std::size_t at = 0; at < file.size(); ++at) {
      Bytes changed = file;
      changed[at] ^= std::byte{0xFF};
      PictureLimits limits;
      limits.max_pixels = 1 << 16;
      const Result<Picture> picture = decode_picture(changed, true, limits);
      if (!picture.ok()) expect_one_line(picture.status());
    }
  }
}

TEST(DecodePicture, keeps_to_the_limits_given) {
  const Bytes file = picture_file("rgb.png");  // 96 x 64
  PictureLimits limits;
  limits.max_pixels = 6144;
  limits.max_file_bytes = file.size();
  EXPECT_TRUE(decode_picture(file, false, limits).ok());
  limits.max_pixels = 6143;
  EXPECT_EQ(decode_picture(file, false, limits).status().message(),
            "picture of 96x64 pixels is over the limit of 6143 (max_pixels)");
  limits.max_file_bytes = 100;
  EXPECT_EQ(decode_picture(file, false, limits).status().message(),
            "file of " + std::to_string(file.size()) +
                " bytes is over the limit of 100 (max_file_bytes)");
}

TEST(DecodePicture, takes_no_memory_for_pixels_that_a_png_cannot_hold) {
  Bytes file = picture_file("one_pixel.png");
  // 8192x8192, which the limit allows; the header's checksum follows.
  constexpr std::array<unsigned char, 8> kSize = {0, 0, 0x20, 0, 0, 0, 0x20, 0};
  std::memcpy(file.data() + 16, kSize.data(), kSize.size());
  constexpr std::array<unsigned char, 4> kChecksum = {0xfd, 0xc8, 0x5d, 0x0e};
  std::memcpy(file.data() + 29, kChecksum.data(), kChecksum.size());
  const Status status = decode_picture(file, false).status();
  EXPECT_EQ(status.message(), "PNG is cut off after 69 bytes: they cannot hold 8192x8192 pixels");
}

TEST(DecodePicture, limits_the_scans_of_a_progressive_jpeg) {
  constexpr std::array kTable = {std::byte{0xFF}, std::byte{0xC4}};
  const Bytes file = picture_file("progressive.jpg");
  // The first scan may come again and again; a table for the next one follows it.
  const auto scan = file.begin() + static_cast<std::ptrdiff_t>(find_first(file, {0xFF, 0xDA}));
  const auto end = std::search(scan, file.end(), kTable.begin(), kTable.end());
  ASSERT_NE(end, file.end());
  Bytes bomb(file.begin(), scan);
  for (int i = 0; i < 1000; ++i)
    bomb.insert(bomb.end(), scan, end);
  bomb.insert(bomb.end(), end, file.end());
  const Status status = decode_picture(bomb, true).status();
  EXPECT_EQ(status.code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(status.message(),
            "progressive JPEG of more than 100 scans is over the limit (max_scans)");
}

TEST(DecodePicture, reads_a_jpeg_with_bytes_too_many) {
  const Bytes file = picture_file("color_420.jpg");
  const auto end = static_cast<std::ptrdiff_t>(find_last(file, {0xFF, 0xD9}));
  Bytes longer = file;
  longer.insert(longer.begin() + end, 5, std::byte{0x11});
  longer.insert(longer.end(), 5, std::byte{0x11});
  const Result<Picture> picture = decode_picture(longer, false);
  ASSERT_TRUE(picture.ok()) << picture.status().to_string();
  EXPECT_TRUE(same(*picture, decoded("color_420.jpg", false)));
}

TEST(DecodePicture, refuses_jpegs_of_12_bits) {
  Bytes file = picture_file("gray.jpg");
  const std::size_t frame = find_first(file, {0xFF, 0xC0});
  ASSERT_LT(frame + 4, file.size());
  file[frame + 4] = std::byte{12};
  EXPECT_EQ(decode_picture(file, true).status().message(),
            "JPEG is corrupt: Unsupported JPEG data precision 12");
}

Picture three_by_two() {
  Picture picture;
  picture.width = 3;
  picture.height = 2;
  picture.channels = 1;
  picture.pixels = Buffer::allocate(6).value();
  std::memcpy(picture.pixels.bytes().data(), "abcdef", 6);
  return picture;
}

TEST(Orientation, turns_eight_ways) {
  constexpr std::array<const char*, 10> kExpected = {"abcdef", "abcdef", "cbafed", "fedcba",
                                                     "defabc", "adbecf", "daebfc", "fcebda",
                                                     "cfbead", "abcdef"};
  for (int orientation = 0; orientation < 10; ++orientation) {
    const Result<Picture> picture = turned(three_by_two(), orientation);
    ASSERT_TRUE(picture.ok());
    const bool sideways = orientation >= 5 && orientation <= 8;
    EXPECT_EQ(picture->width, sideways ? 2 : 3);
    EXPECT_EQ(picture->height, sideways ? 3 : 2);
    EXPECT_EQ(std::memcmp(picture->pixels.bytes().data(),
                          kExpected[static_cast<std::size_t>(orientation)], 6),
              0)
        << orientation;
  }
}

int orientation_in(const std::string& tiff) {
  return exif_orientation(std::as_bytes(std::span(tiff)));
}

TEST(Orientation, is_found_in_both_byte_orders_and_behind_other_entries) {
  const std::string little(
      "II*\0\x08\0\0\0\2\0\1\1\3\0\1\0\0\0\x09\0\0\0\x12\1\3\0\1\0\0\0\6\0\0\0", 34);
  const std::string big("MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\x08\0\0", 22);
  EXPECT_EQ(orientation_in(little), 6);
  EXPECT_EQ(orientation_in(big), 8);
  // Cut anywhere before the value, there is none.
  for (std::size_t size = 0; size < 32; ++size)
    EXPECT_EQ(orientation_in(little.substr(0, size)), kUpright) << size;
}

TEST(Orientation, ignores_what_makes_no_sense) {
  EXPECT_EQ(orientation_in("MM\0*\xff\xff\xff\xff"), kUpright);
  EXPECT_EQ(orientation_in(std::string("MM\0*\xff\xff\xff\xff", 8)), kUpright);
  EXPECT_EQ(orientation_in(std::string("MM\0*\0\0\0\x08\xff\xff", 10)), kUpright);
  EXPECT_EQ(orientation_in(std::string("IM*\0\x08\0\0\0", 8)), kUpright);
  std::string nine("MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\x09\0\0", 22);
  EXPECT_EQ(orientation_in(nine), kUpright);
  nine[19] = 0;
  EXPECT_EQ(orientation_in(nine), kUpright);
}

}  // namespace
}  // namespace muster
