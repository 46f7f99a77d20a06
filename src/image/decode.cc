// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>

#include <fmt/format.h>

#include <muster/image.h>

#include "image/jpeg.h"
#include "image/png.h"

namespace muster {
namespace {

std::string first_bytes(std::span<const std::byte> file) {
  std::string text;
  for (const std::byte byte : file.first(std::min<std::size_t>(file.size(), 4)))
    text += fmt::format("{}{:02x}", text.empty() ? "" : " ", std::to_integer<unsigned>(byte));
  return text;
}

}  // namespace

Result<Picture> decode_picture(std::span<const std::byte> file, bool grayscale,
                               const PictureLimits& limits) {
  if (file.empty()) return invalid_argument("the file is empty, expected a PNG or JPEG picture");
  if (file.size() > limits.max_file_bytes)
    return resource_exhausted(
        fmt::format("file of {} bytes is over the limit of {} "
                    "(max_file_bytes)",
                    file.size(), limits.max_file_bytes));
  if (is_png(file)) return decode_png(file, grayscale, limits);
  if (is_jpeg(file)) return decode_jpeg(file, grayscale, limits);
  return invalid_argument(
      fmt::format("not a PNG or JPEG picture (starts with {})", first_bytes(file)));
}

Status file_to_row(std::span<const std::byte> file, const ImagePreprocessing& preprocessing,
                   std::span<std::byte> row, const PictureLimits& limits) {
  const bool grayscale = preprocessing.color == ImagePreprocessing::Color::kGrayscale;
  MUSTER_ASSIGN_OR_RETURN(const Picture picture, decode_picture(file, grayscale, limits));
  return picture_to_row(picture, preprocessing, row);
}

}  // namespace muster
