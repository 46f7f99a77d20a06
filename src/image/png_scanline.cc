// SPDX-License-Identifier: Apache-2.0
#include "image/png_scanline.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace muster {
namespace {

// libpng's weights of red, green and blue, of 2^15.
constexpr std::uint32_t kRed = 9797;
constexpr std::uint32_t kGreen = 19234;
constexpr std::uint32_t kBlue = 3737;
constexpr std::uint32_t kHalf = 1U << 14;

constexpr std::uint32_t weighted(std::uint32_t red, std::uint32_t green, std::uint32_t blue) {
  return kRed * red + kGreen * green + kBlue * blue;
}

// Gammas are times 100,000, as in the file.
std::int64_t reciprocal(std::int64_t gamma) {
  return static_cast<std::int64_t>(std::floor(1e10 / static_cast<double>(gamma) + 0.5));
}
bool is_significant(std::int64_t gamma) {
  return gamma < 95000 || gamma > 105000;
}

bool changes_gray(std::uint32_t gamma) {
  return gamma != 0 && (is_significant(gamma) || is_significant(reciprocal(gamma)));
}

constexpr std::uint32_t kLevels16 = 2048;  // libpng's tables hold the upper 11 of 16 bits
constexpr unsigned kShift16 = 5;

std::uint32_t load_16(const std::uint8_t* bytes) {
  return std::uint32_t{bytes[0]} << 8 | bytes[1];
}

}  // namespace

// Colours to linear light, and gray back from it.
struct GrayGamma8 {
  using Table = std::array<std::uint8_t, 256>;
  Table to_linear;
  Table from_linear;

  explicit GrayGamma8(std::uint32_t gamma)
      : to_linear(table(reciprocal(gamma))), from_linear(table(reciprocal(reciprocal(gamma)))) {}

  static Table table(std::int64_t gamma) {
    Table levels;
    const double power = static_cast<double>(gamma) * 1e-5;
    for (unsigned i = 0; i < levels.size(); ++i) {
      const double level = std::floor(255 * std::pow(i / 255.0, power) + 0.5);
      const bool kept = !is_significant(gamma) || i == 0 || i == 255;
      levels[i] = kept ? static_cast<std::uint8_t>(i) : static_cast<std::uint8_t>(level);
    }
    return levels;
  }

  [[nodiscard]] std::uint8_t gray(PngColor color) const {
    if (color.red == color.green && color.green == color.blue) return color.red;
    return from_linear
        [(weighted(to_linear[color.red], to_linear[color.green], to_linear[color.blue]) + kHalf) >>
         15];
  }
};

struct GrayGamma16 {
  using Table = std::array<std::uint16_t, kLevels16>;
  Table to_linear;
  Table from_linear;
  Table neutral;  // of pixels without colour, which libpng rounds to 8 bits and back

  explicit GrayGamma16(std::uint32_t gamma)
      : to_linear(table(reciprocal(gamma))), from_linear(table(reciprocal(reciprocal(gamma)))) {
    neutral.fill(65535);
    std::uint32_t last = 0;
    for (std::uint32_t i = 0; i < 255; ++i) {
      const std::uint32_t level = i * 257;
      const std::uint32_t bound = ((level + 128) * (kLevels16 - 1) + 32768) / 65535 + 1;
      for (; last < bound; ++last)
        neutral[last] = static_cast<std::uint16_t>(level);
    }
  }

  static Table table(std::int64_t gamma) {
    Table levels;
    const double power = static_cast<double>(gamma) * 1e-5;
    for (std::uint32_t i = 0; i < kLevels16; ++i) {
      // libpng's 1.0 / 2047 first decides the last bit.
      const double level = std::floor(65535 * std::pow(i * (1.0 / (kLevels16 - 1)), power) + 0.5);
      levels[i] = is_significant(gamma)
                      ? static_cast<std::uint16_t>(level)
                      : static_cast<std::uint16_t>((i * 65535 + 1024) / (kLevels16 - 1));
    }
    return levels;
  }

  [[nodiscard]] std::uint32_t gray(std::uint32_t red, std::uint32_t green,
                                   std::uint32_t blue) const {
    if (red == green && green == blue) return neutral[red >> kShift16];
    const std::uint32_t linear = (weighted(to_linear[red >> kShift16], to_linear[green >> kShift16],
                                           to_linear[blue >> kShift16]) +
                                  kHalf) >>
                                 15;
    return from_linear[linear >> kShift16];
  }
};

namespace {

// That of sRGB is kept: it is by far the most frequent, and takes longer than a small picture.
template <typename Gamma>
std::shared_ptr<const Gamma> gamma_tables(std::uint32_t gamma) {
  static const auto kSrgb = std::make_shared<const Gamma>(kSrgbGamma);
  return gamma == kSrgbGamma ? kSrgb : std::make_shared<const Gamma>(gamma);
}

}  // namespace

PngScanline::PngScanline(const PngFormat& format, bool grayscale)
    : kind_(format.kind),
      bit_depth_(format.bit_depth),
      bytes_per_pixel_(format.bits_per_pixel() / 8),
      grayscale_(grayscale) {
  const bool colored = kind_ != PngFormat::Kind::kGray;
  if (colored && grayscale && changes_gray(format.gamma)) {
    if (bit_depth_ == 16) {
      gamma_16_ = gamma_tables<GrayGamma16>(format.gamma);
    } else {
      gamma_8_ = gamma_tables<GrayGamma8>(format.gamma);
    }
  }
  if (kind_ == PngFormat::Kind::kPalette) {
    // Indexes beyond the palette stay black.
    std::copy_n(format.palette.begin(), std::min(format.palette.size(), palette_.size()),
                palette_.begin());
  } else if (bit_depth_ < 8) {
    const unsigned highest = (1U << bit_depth_) - 1;
    for (unsigned i = 0; i <= highest; ++i) {
      const auto level = static_cast<std::uint8_t>(i * 255 / highest);
      palette_[i] = {level, level, level};
    }
  }
  if (grayscale && (kind_ == PngFormat::Kind::kPalette || bit_depth_ < 8)) {
    for (std::size_t i = 0; i < palette_.size(); ++i)
      palette_gray_[i] = gray_of(palette_[i]);
  }
}

std::uint8_t PngScanline::gray_of(PngColor color) const {
  if (gamma_8_) return gamma_8_->gray(color);
  // The weights add up to 2^15, so that equal parts need no case of their own.
  return static_cast<std::uint8_t>(weighted(color.red, color.green, color.blue) >> 15);
}

void PngScanline::convert(const std::uint8_t* scanline, std::size_t count, std::uint8_t* out,
                          std::size_t step) const {
  if (kind_ == PngFormat::Kind::kPalette || bit_depth_ < 8) {
    convert_looked_up(scanline, count, out, step);
  } else if (kind_ == PngFormat::Kind::kGray) {
    convert_gray(scanline, count, out, step);
  } else if (grayscale_) {
    color_to_gray(scanline, count, out, step);
  } else {
    color_to_bgr(scanline, count, out, step);
  }
}

void PngScanline::convert_looked_up(const std::uint8_t* scanline, std::size_t count,
                                    std::uint8_t* out, std::size_t step) const {
  const unsigned mask = (1U << bit_depth_) - 1;
  const std::size_t per_byte = 8 / bit_depth_;
  for (std::size_t i = 0; i < count; ++i, out += step) {
    // The leftmost pixel lies in a byte's highest bits.
    const std::size_t shift = 8 - bit_depth_ * (i % per_byte + 1);
    const unsigned index = unsigned{scanline[i / per_byte]} >> shift & mask;
    if (grayscale_) {
      *out = palette_gray_[index];
    } else {
      out[0] = palette_[index].blue;
      out[1] = palette_[index].green;
      out[2] = palette_[index].red;
    }
  }
}

void PngScanline::convert_gray(const std::uint8_t* scanline, std::size_t count, std::uint8_t* out,
                               std::size_t step) const {
  if (grayscale_ && bytes_per_pixel_ == 1 && step == 1) {
    std::memcpy(out, scanline, count);
    return;
  }
  // The first byte is the whole of 8 bits and the high byte of 16.
  for (std::size_t i = 0; i < count; ++i, scanline += bytes_per_pixel_, out += step) {
    out[0] = *scanline;
    if (grayscale_) continue;
    out[1] = *scanline;
    out[2] = *scanline;
  }
}

void PngScanline::color_to_bgr(const std::uint8_t* scanline, std::size_t count, std::uint8_t* out,
                               std::size_t step) const {
  const std::size_t sample = bit_depth_ / 8;
  for (std::size_t i = 0; i < count; ++i, scanline += bytes_per_pixel_, out += step) {
    out[0] = scanline[2 * sample];
    out[1] = scanline[sample];
    out[2] = scanline[0];
  }
}

void PngScanline::color_to_gray(const std::uint8_t* scanline, std::size_t count, std::uint8_t* out,
                                std::size_t step) const {
  if (bit_depth_ == 8) {
    for (std::size_t i = 0; i < count; ++i, scanline += bytes_per_pixel_, out += step)
      *out = gray_of({scanline[0], scanline[1], scanline[2]});
    return;
  }
  for (std::size_t i = 0; i < count; ++i, scanline += bytes_per_pixel_, out += step) {
    const std::uint32_t red = load_16(scanline);
    const std::uint32_t green = load_16(scanline + 2);
    const std::uint32_t blue = load_16(scanline + 4);
    std::uint32_t gray = red;
    if (gamma_16_) {
      gray = gamma_16_->gray(red, green, blue);
    } else if (red != green || green != blue) {
      gray = (weighted(red, green, blue) + kHalf) >> 15;
    }
    *out = static_cast<std::uint8_t>(gray >> 8);
  }
}

}  // namespace muster
