// SPDX-License-Identifier: Apache-2.0
// Pictures: PNG or JPEG bytes become one row of a tensor, with the numbers OpenCV would give.
//
// The steps are those of Python's `cv2.imread` followed by `cv2.dnn.blobFromImage`: decode to
// 8-bit BGR or gray (alpha dropped, 16-bit to its high byte, EXIF orientation applied), resize
// bilinearly in 8 bit, then (pixel - mean) * scale / std. Channels are in the order of `color`.
// One difference is meant: a picture of which pixels are missing (cut off, or damaged) is an error,
// where OpenCV may fill the rest with gray. Input is hostile until decoded: every limit is in
// PictureLimits and checked before memory is taken. All functions work on the calling thread alone
// and are safe to call from many at once. Messages do not name the file: the caller does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include <muster/model.h>
#include <muster/tensor.h>

namespace muster {

struct PictureLimits {
  std::size_t max_file_bytes = std::size_t{64} << 20;
  std::int64_t max_pixels = std::int64_t{64} << 20;  // width * height after decoding
  std::int64_t max_scans = 100;  // of a progressive JPEG, whose every scan walks over all pixels
};

// Decoded pixels: 8 bits, interleaved, rows without padding.
struct Picture {
  std::int64_t width = 0;
  std::int64_t height = 0;
  std::int64_t channels = 0;  // 1 (gray) or 3 (BGR, as OpenCV has it)
  Buffer pixels;
};

// `grayscale` decides the channels. Errors: kInvalidArgument (no picture, corrupt, zero-sized),
// kResourceExhausted (over a limit).
[[nodiscard]] Result<Picture> decode_picture(std::span<const std::byte> file, bool grayscale,
                                             const PictureLimits& limits = {});

// Writes one row: `row` must have exactly the bytes of {preprocessing.type, row_shape()} and start
// where an element of that type may; `picture` must have the channels of `preprocessing.color`.
[[nodiscard]] Status picture_to_row(const Picture& picture, const ImagePreprocessing& preprocessing,
                                    std::span<std::byte> row);

// Both steps.
[[nodiscard]] Status file_to_row(std::span<const std::byte> file,
                                 const ImagePreprocessing& preprocessing, std::span<std::byte> row,
                                 const PictureLimits& limits = {});

// Reads `path` whole, refusing what is empty, no regular file or larger than the limit. Never waits
// for a pipe or a device.
[[nodiscard]] Result<Buffer> read_picture_file(const std::string& path,
                                               const PictureLimits& limits = {});

}  // namespace muster
