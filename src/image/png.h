// SPDX-License-Identifier: Apache-2.0
// One step of decode_picture: PNG bytes, with the pixels that cv2.imread would give.
#pragma once

#include <cstddef>
#include <span>

#include <muster/image.h>

namespace muster {

// True where `file` begins as a PNG does.
[[nodiscard]] bool is_png(std::span<const std::byte> file) noexcept;

// `file` is already within max_file_bytes. Memory is taken only after the header is within
// max_pixels, and only as much as the file's bytes could possibly fill.
[[nodiscard]] Result<Picture> decode_png(std::span<const std::byte> file, bool grayscale,
                                         const PictureLimits& limits);

}  // namespace muster
