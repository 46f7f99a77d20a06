// SPDX-License-Identifier: Apache-2.0
#include "image/orientation.h"

#include <cstdint>
#include <cstring>
#include <optional>
#include <utility>

namespace muster {
namespace {

constexpr std::uint32_t kOrientationTag = 0x0112;
constexpr std::size_t kEntryBytes = 12;

class TiffReader {
 public:
  TiffReader(std::span<const std::byte> bytes, bool big_endian)
      : bytes_(bytes), big_endian_(big_endian) {}

  [[nodiscard]] std::optional<std::uint32_t> number(std::size_t offset, std::size_t size) const {
    if (offset > bytes_.size() || bytes_.size() - offset < size) return std::nullopt;
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < size; ++i) {
      const std::size_t at = offset + (big_endian_ ? i : size - 1 - i);
      value = value << 8 | std::to_integer<std::uint32_t>(bytes_[at]);
    }
    return value;
  }

 private:
  std::span<const std::byte> bytes_;
  bool big_endian_;
};

// Where the pixel (0,0) of the turned picture lies in the stored one, and how far apart its
// neighbours to the right and below are there; in pixels.
struct Walk {
  std::ptrdiff_t start;
  std::ptrdiff_t right;
  std::ptrdiff_t down;
};

Walk walk_of(int orientation, std::ptrdiff_t width, std::ptrdiff_t height) {
  const std::ptrdiff_t last = width * height - 1;
  const std::ptrdiff_t last_row = width * (height - 1);
  switch (orientation) {
    case 2:
      return {width - 1, -1, width};
    case 3:
      return {last, -1, -width};
    case 4:
      return {last_row, 1, -width};
    case 5:
      return {0, width, 1};
    case 6:
      return {last_row, -width, 1};
    case 7:
      return {last, -width, -1};
    case 8:
      return {width - 1, width, -1};
    default:
      return {0, 1, width};
  }
}

template <int kChannels>
void copy_turned(const Picture& from, const Walk& walk, Picture& to) {
  const std::byte* source = from.pixels.bytes().data();
  std::byte* out = to.pixels.bytes().data();
  for (std::ptrdiff_t y = 0; y < to.height; ++y) {
    std::ptrdiff_t at = walk.start + y * walk.down;
    for (std::ptrdiff_t x = 0; x < to.width; ++x, at += walk.right, out += kChannels)
      std::memcpy(out, source + at * kChannels, kChannels);
  }
}

}  // namespace

int exif_orientation(std::span<const std::byte> tiff) noexcept {
  if (tiff.size() < 8 || tiff[0] != tiff[1]) return kUpright;
  const bool big_endian = tiff[0] == std::byte{'M'};
  if (!big_endian && tiff[0] != std::byte{'I'}) return kUpright;
  const TiffReader reader(tiff, big_endian);
  if (reader.number(2, 2) != 42U) return kUpright;
  const std::size_t directory = *reader.number(4, 4);
  const std::uint32_t entries = reader.number(directory, 2).value_or(0);
  for (std::size_t i = 0; i < entries; ++i) {
    const std::size_t entry = directory + 2 + i * kEntryBytes;
    const auto tag = reader.number(entry, 2);
    if (!tag) return kUpright;
    if (*tag != kOrientationTag) continue;
    // OpenCV reads a SHORT here whatever the entry's type says, and so is equal to it.
    const std::uint32_t orientation = reader.number(entry + 8, 2).value_or(0);
    return orientation >= 1 && orientation <= 8 ? static_cast<int>(orientation) : kUpright;
  }
  return kUpright;
}

Result<Picture> turned(Picture picture, int orientation) {
  if (orientation <= kUpright || orientation > 8) return picture;
  Picture upright;
  const bool sideways = orientation >= 5;
  upright.width = sideways ? picture.height : picture.width;
  upright.height = sideways ? picture.width : picture.height;
  upright.channels = picture.channels;
  MUSTER_ASSIGN_OR_RETURN(upright.pixels, Buffer::allocate(picture.pixels.size()));
  const Walk walk = walk_of(orientation, picture.width, picture.height);
  if (picture.channels == 1) {
    copy_turned<1>(picture, walk, upright);
  } else {
    copy_turned<3>(picture, walk, upright);
  }
  return upright;
}

}  // namespace muster
