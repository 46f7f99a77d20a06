// SPDX-License-Identifier: Apache-2.0
// Bytes of a picture, through decode_picture and picture_to_row. The bytes' checksum picks what the
// row is like, so that every seed is a plain picture file.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string_view>

#include <muster/image.h>

namespace {

using muster::DataType;
using muster::ImagePreprocessing;

void require(bool condition) {
  if (!condition) std::abort();
}

constexpr std::uint32_t kCrcPolynomial = 0xEDB88320U;
constexpr std::size_t kPngSignatureBytes = 8;

std::uint32_t crc_of(std::span<const std::uint8_t> bytes) {
  std::uint32_t crc = ~std::uint32_t{0};
  for (const std::uint8_t byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit)
      crc = crc >> 1 ^ ((crc & 1U) != 0 ? kCrcPolynomial : 0);
  }
  return ~crc;
}

std::uint32_t load_32(const std::uint8_t* bytes) {
  return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 |
         std::uint32_t{bytes[2]} << 8 | bytes[3];
}

// Otherwise nearly every change to a PNG would end at a checksum.
void correct_checksums(std::span<std::uint8_t> png) {
  if (png.size() < kPngSignatureBytes || std::memcmp(png.data(), "\x89PNG", 4) != 0) return;
  for (std::size_t at = kPngSignatureBytes; png.size() - at >= 12;) {
    const std::uint32_t length = load_32(png.data() + at);
    if (length > png.size() - at - 12) return;
    const std::uint32_t crc = crc_of(png.subspan(at + 4, length + 4U));
    for (unsigned i = 0; i < 4; ++i)
      png[at + 8 + length + i] = static_cast<std::uint8_t>(crc >> (24 - 8 * i));
    at += 12 + std::size_t{length};
  }
}

ImagePreprocessing preprocessing_of(std::uint32_t choice) {
  constexpr std::array<std::int64_t, 4> kSides = {1, 3, 28, 70};
  ImagePreprocessing preprocessing;
  preprocessing.color = static_cast<ImagePreprocessing::Color>(choice % 3);
  preprocessing.layout = static_cast<ImagePreprocessing::Layout>(choice / 3 % 2);
  preprocessing.type = choice / 6 % 2 == 0 ? DataType::kFp32 : DataType::kUint8;
  preprocessing.height = kSides[choice / 12 % 4];
  preprocessing.width = kSides[choice / 48 % 4];
  return preprocessing;
}

}  // namespace

// There where libFuzzer is linked, not in the replay.
extern "C" __attribute__((weak)) std::size_t LLVMFuzzerMutate(std::uint8_t* bytes, std::size_t size,
                                                              std::size_t max_size);

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* bytes, std::size_t size,
                                               std::size_t max_size, unsigned /*seed*/) {
  const std::size_t mutated = LLVMFuzzerMutate(bytes, size, max_size);
  correct_checksums({bytes, mutated});
  return mutated;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  muster::PictureLimits limits;
  limits.max_file_bytes = std::size_t{1} << 16;
  limits.max_pixels = std::int64_t{1} << 16;
  limits.max_scans = 20;
  const std::span<const std::uint8_t> file(bytes, size);
  const ImagePreprocessing preprocessing = preprocessing_of(crc_of(file));
  const bool grayscale = preprocessing.color == ImagePreprocessing::Color::kGrayscale;

  const muster::Result<muster::Picture> picture =
      muster::decode_picture(std::as_bytes(file), grayscale, limits);
  if (!picture.ok()) {
    const std::string_view message = picture.status().message();
    require(!message.empty());
    require(std::ranges::all_of(message, [](char c) { return c >= ' ' && c <= '~'; }));
    return 0;
  }
  const muster::Picture& pixels = picture.value();
  require(pixels.width >= 1 && pixels.height >= 1);
  require(pixels.width * pixels.height <= limits.max_pixels);
  require(pixels.channels == preprocessing.channels());
  require(pixels.pixels.size() ==
          static_cast<std::size_t>(pixels.width * pixels.height * pixels.channels));

  muster::Result<muster::Tensor> row =
      muster::Tensor::allocate(preprocessing.type, preprocessing.row_shape());
  require(row.ok());
  require(muster::picture_to_row(pixels, preprocessing, row->bytes()).ok());
  if (preprocessing.type == DataType::kFp32) {
    require(std::ranges::all_of(row->elements<float>(),
                                [](float level) { return level >= 0.0F && level <= 1.0F; }));
  }
  return 0;
}
