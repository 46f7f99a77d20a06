// SPDX-License-Identifier: Apache-2.0
// The orientation that a camera notes in Exif, and pictures turned by it.
#pragma once

#include <cstddef>
#include <span>

#include <muster/image.h>

namespace muster {

inline constexpr int kUpright = 1;

// The orientation, 1 to 8, in the TIFF structure of an Exif block (what follows "Exif\0\0" in a
// JPEG, the whole of a PNG's eXIf chunk). kUpright where it holds none or is malformed.
[[nodiscard]] int exif_orientation(std::span<const std::byte> tiff) noexcept;

// `picture` as it is to be looked at.
[[nodiscard]] Result<Picture> turned(Picture picture, int orientation);

}  // namespace muster
