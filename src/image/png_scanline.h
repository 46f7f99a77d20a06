// SPDX-License-Identifier: Apache-2.0
// The pixels of one PNG scanline made 8-bit gray or BGR, with the numbers of libpng as OpenCV uses
// it (alpha dropped; gray from colour in linear light where the file states its gamma).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace muster {

inline constexpr std::uint32_t kSrgbGamma = 45455;  // that an sRGB chunk stands for

struct PngColor {
  std::uint8_t red;
  std::uint8_t green;
  std::uint8_t blue;
};

// What a PNG's header and the chunks before its pixels say.
struct PngFormat {
  enum class Kind : std::uint8_t { kGray, kColor, kPalette };

  Kind kind = Kind::kGray;
  bool alpha = false;
  unsigned bit_depth = 8;
  std::span<const PngColor> palette;  // need not outlive the constructor below
  std::uint32_t gamma = 0;            // of the file, times 100,000; 0 where it states none

  [[nodiscard]] unsigned bits_per_pixel() const noexcept {
    return bit_depth * ((kind == Kind::kColor ? 3U : 1U) + (alpha ? 1U : 0U));
  }
};

struct GrayGamma8;
struct GrayGamma16;

class PngScanline {
 public:
  PngScanline(const PngFormat& format, bool grayscale);

  // `scanline` holds `count` pixels as the file has them, defiltered. Pixel i is written at
  // out + i * step: 1 byte if grayscale, else 3.
  void convert(const std::uint8_t* scanline, std::size_t count, std::uint8_t* out,
               std::size_t step) const;

 private:
  void convert_gray(const std::uint8_t* scanline, std::size_t count, std::uint8_t* out,
                    std::size_t step) const;
  void convert_looked_up(const std::uint8_t* scanline, std::size_t count, std::uint8_t* out,
                         std::size_t step) const;
  void color_to_bgr(const std::uint8_t* scanline, std::size_t count, std::uint8_t* out,
                    std::size_t step) const;
  void color_to_gray(const std::uint8_t* scanline, std::size_t count, std::uint8_t* out,
                     std::size_t step) const;
  [[nodiscard]] std::uint8_t gray_of(PngColor color) const;

  const PngFormat::Kind kind_;
  const unsigned bit_depth_;
  const std::size_t bytes_per_pixel_;
  const bool grayscale_;
  std::shared_ptr<const GrayGamma8> gamma_8_;    // null where colours become gray as they are
  std::shared_ptr<const GrayGamma16> gamma_16_;  // likewise, of 16-bit pictures
  std::array<PngColor, 256> palette_{};          // of kPalette, and of gray below 8 bits
  std::array<std::uint8_t, 256> palette_gray_{};
};

}  // namespace muster
