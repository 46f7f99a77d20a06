// SPDX-License-Identifier: Apache-2.0
// One step of decode_picture: JPEG bytes, with the pixels that cv2.imread would give.
#pragma once

#include <cstddef>
#include <span>

#include <muster/image.h>

namespace muster {

// True where `file` begins as a JPEG does.
[[nodiscard]] bool is_jpeg(std::span<const std::byte> file) noexcept;

// `file` is already within max_file_bytes. Unlike OpenCV, a JPEG of which pixels are missing (cut
// off, or with damaged entropy-coded segments) is an error and no picture with gray areas.
[[nodiscard]] Result<Picture> decode_jpeg(std::span<const std::byte> file, bool grayscale,
                                          const PictureLimits& limits);

}  // namespace muster
