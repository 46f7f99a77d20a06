// SPDX-License-Identifier: Apache-2.0
#include "image/jpeg.h"

#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstdint>
#include <cstdio>
#include <string_view>
#include <utility>

#include <fmt/format.h>
// Before jerror.h, which leaves names out without it; all need those above.
#include <jconfig.h>
#include <jerror.h>
#include <jpeglib.h>

#include "image/orientation.h"

namespace muster {
namespace {

constexpr int kExifMarker = JPEG_APP0 + 1;
constexpr std::string_view kExifPrefix{"Exif\0\0", 6};
constexpr std::string_view kCorruptPrefix = "Corrupt JPEG data: ";  // of some of its messages

// libjpeg's own arrays beyond what the pixels account for: tables, saved markers, edge blocks.
constexpr std::int64_t kSpareBytes = std::int64_t{64} << 20;
// Coefficients of 2 bytes in up to 4 components, and as much again for rows on their way.
constexpr std::int64_t kBytesPerPixel = 16;

enum class Fault : std::uint8_t { kNone, kCutOff, kTooManyScans, kDamaged, kNoMemory, kOther };

// libjpeg reports failure by a longjmp. Here it only ever crosses libjpeg's own frames and those of
// the steps below, which hold nothing that has a destructor: see attempt().
struct Decoder {
  jpeg_decompress_struct jpeg = {};
  jpeg_error_mgr errors = {};
  jpeg_source_mgr source = {};
  jpeg_progress_mgr progress = {};
  std::jmp_buf escape;
  Fault fault = Fault::kNone;
  char text[JMSG_LENGTH_MAX] = "";

  std::span<const std::byte> file;
  std::int64_t max_scans = 0;
  bool grayscale = false;
  std::uint8_t* pixels = nullptr;   // of the picture
  std::uint8_t* ink_row = nullptr;  // one row of CMYK

  Decoder() = default;
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
  ~Decoder() { jpeg_destroy_decompress(&jpeg); }
};

Decoder& decoder_of(void* client_data) {
  return *static_cast<Decoder*>(client_data);
}

[[noreturn]] void escape(Decoder& decoder, Fault fault) {
  decoder.fault = fault;
  std::longjmp(decoder.escape, 1);
}

void on_error(j_common_ptr jpeg) {
  Decoder& decoder = decoder_of(jpeg->client_data);
  jpeg->err->format_message(jpeg, decoder.text);
  const int code = jpeg->err->msg_code;
  escape(decoder, code == JERR_OUT_OF_MEMORY || code == JERR_NO_BACKING_STORE ? Fault::kNoMemory
                                                                              : Fault::kOther);
}

void on_message(j_common_ptr jpeg, int level) {
  if (level >= 0) return;
  switch (jpeg->err->msg_code) {
    // After these libjpeg makes pixels up. Other warnings, as of bytes too many, lose none.
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_ARITH_BAD_CODE:
    case JWRN_MUST_RESYNC:
    case JWRN_JPEG_EOF: {
      Decoder& decoder = decoder_of(jpeg->client_data);
      jpeg->err->format_message(jpeg, decoder.text);
      escape(decoder, Fault::kDamaged);
    }
    default:
      ++jpeg->err->num_warnings;
  }
}

void nothing(j_common_ptr) {}
void nothing_to_do(j_decompress_ptr) {}

// The whole file is there from the start: who asks for more has found it cut off.
boolean on_end_of_input(j_decompress_ptr jpeg) {
  escape(decoder_of(jpeg->client_data), Fault::kCutOff);
}

void skip_input(j_decompress_ptr jpeg, long count) {
  if (count <= 0) return;
  jpeg_source_mgr& source = *jpeg->src;
  if (static_cast<std::size_t>(count) > source.bytes_in_buffer) on_end_of_input(jpeg);
  source.next_input_byte += count;
  source.bytes_in_buffer -= static_cast<std::size_t>(count);
}

// A scan of a progressive JPEG costs a walk over the whole picture and may take up no bytes.
void on_progress(j_common_ptr jpeg) {
  Decoder& decoder = decoder_of(jpeg->client_data);
  if (decoder.jpeg.input_scan_number > decoder.max_scans) escape(decoder, Fault::kTooManyScans);
}

// Runs one step; false where libjpeg has left it by a longjmp. This function has no state of its
// own that the jump could spoil, and a step must hold nothing with a destructor.
bool attempt(Decoder& decoder, void (*step)(Decoder&)) {
  if (setjmp(decoder.escape) != 0) return false;
  step(decoder);
  return true;
}

void read_header(Decoder& decoder) {
  jpeg_decompress_struct& jpeg = decoder.jpeg;
  jpeg.err = jpeg_std_error(&decoder.errors);
  decoder.errors.error_exit = on_error;
  decoder.errors.emit_message = on_message;
  decoder.errors.output_message = nothing;
  jpeg.client_data = &decoder;
  jpeg_create_decompress(&jpeg);  // keeps err and client_data

  decoder.source.init_source = nothing_to_do;
  decoder.source.fill_input_buffer = on_end_of_input;
  decoder.source.skip_input_data = skip_input;
  decoder.source.resync_to_restart = jpeg_resync_to_restart;
  decoder.source.term_source = nothing_to_do;
  decoder.source.next_input_byte = reinterpret_cast<const JOCTET*>(decoder.file.data());
  decoder.source.bytes_in_buffer = decoder.file.size();
  jpeg.src = &decoder.source;
  decoder.progress.progress_monitor = on_progress;
  jpeg.progress = &decoder.progress;

  jpeg_save_markers(&jpeg, kExifMarker, 0xFFFF);
  jpeg_read_header(&jpeg, TRUE);
}

// OpenCV's numbers, which take the inks as Adobe stores them (255 is none) whatever the file says.
void from_inks(const std::uint8_t* inks, std::size_t count, bool grayscale, std::uint8_t* out) {
  for (std::size_t i = 0; i < count; ++i, inks += 4) {
    const int black = inks[3];
    const int red = black - ((255 - inks[0]) * black >> 8);
    const int green = black - ((255 - inks[1]) * black >> 8);
    const int blue = black - ((255 - inks[2]) * black >> 8);
    if (grayscale) {
      *out++ = static_cast<std::uint8_t>((4899 * red + 9617 * green + 1868 * blue + 8192) >> 14);
    } else {
      *out++ = static_cast<std::uint8_t>(blue);
      *out++ = static_cast<std::uint8_t>(green);
      *out++ = static_cast<std::uint8_t>(red);
    }
  }
}

void read_pixels(Decoder& decoder) {
  jpeg_decompress_struct& jpeg = decoder.jpeg;
  const bool inks = jpeg.num_components == 4;
  jpeg.out_color_space = inks ? JCS_CMYK : decoder.grayscale ? JCS_GRAYSCALE : JCS_EXT_BGR;
  jpeg_start_decompress(&jpeg);
  const std::size_t row_bytes = std::size_t{jpeg.output_width} * (decoder.grayscale ? 1 : 3);
  while (jpeg.output_scanline < jpeg.output_height) {
    std::uint8_t* const row = decoder.pixels + jpeg.output_scanline * row_bytes;
    if (inks) {
      jpeg_read_scanlines(&jpeg, &decoder.ink_row, 1);
      from_inks(decoder.ink_row, jpeg.output_width, decoder.grayscale, row);
      continue;
    }
    // libjpeg has up to 4 rows ready at a time.
    std::array<JSAMPROW, 4> rows;
    const JDIMENSION count =
        std::min<JDIMENSION>(rows.size(), jpeg.output_height - jpeg.output_scanline);
    for (std::size_t i = 0; i < count; ++i)
      rows[i] = row + i * row_bytes;
    jpeg_read_scanlines(&jpeg, rows.data(), count);
  }
  // Up to the end mark, so that no cut goes unnoticed.
  jpeg_finish_decompress(&jpeg);
}

Status failure(const Decoder& decoder) {
  switch (decoder.fault) {
    case Fault::kCutOff:
      return invalid_argument(fmt::format("JPEG is cut off after {} bytes", decoder.file.size()));
    case Fault::kTooManyScans:
      return resource_exhausted(
          fmt::format("progressive JPEG of more than {} scans is over the "
                      "limit (max_scans)",
                      decoder.max_scans));
    case Fault::kNoMemory:
      return resource_exhausted(fmt::format("no memory to decode the JPEG: {}", decoder.text));
    default: {
      std::string_view text = decoder.text;
      if (text.starts_with(kCorruptPrefix)) text.remove_prefix(kCorruptPrefix.size());
      return invalid_argument(fmt::format("JPEG is corrupt: {}", text));
    }
  }
}

Status check_format(const jpeg_decompress_struct& jpeg, const PictureLimits& limits) {
  if (std::int64_t{jpeg.image_width} * jpeg.image_height > limits.max_pixels)
    return resource_exhausted(
        fmt::format("picture of {}x{} pixels is over the limit of {} (max_pixels)",
                    jpeg.image_width, jpeg.image_height, limits.max_pixels));
  const int components = jpeg.num_components;
  if (components != 1 && components != 3 && components != 4)
    return invalid_argument(fmt::format(
        "JPEG has {} components, expected 1 (gray), 3 (colour) or 4 (inks)", components));
  return {};
}

int orientation_of(const jpeg_decompress_struct& jpeg) {
  for (auto marker = jpeg.marker_list; marker != nullptr; marker = marker->next) {
    const std::span bytes(marker->data, marker->data_length);
    if (marker->marker != kExifMarker || bytes.size() < kExifPrefix.size()) continue;
    if (!std::equal(kExifPrefix.begin(), kExifPrefix.end(), bytes.begin())) continue;
    return exif_orientation(std::as_bytes(bytes.subspan(kExifPrefix.size())));
  }
  return kUpright;
}

}  // namespace

bool is_jpeg(std::span<const std::byte> file) noexcept {
  return file.size() >= 3 && file[0] == std::byte{0xFF} && file[1] == std::byte{0xD8} &&
         file[2] == std::byte{0xFF};
}

Result<Picture> decode_jpeg(std::span<const std::byte> file, bool grayscale,
                            const PictureLimits& limits) {
  Decoder decoder;
  decoder.file = file;
  decoder.grayscale = grayscale;
  decoder.max_scans = limits.max_scans;
  if (!attempt(decoder, read_header)) return failure(decoder);
  const jpeg_decompress_struct& jpeg = decoder.jpeg;
  MUSTER_RETURN_IF_ERROR(check_format(jpeg, limits));

  Picture picture;
  picture.width = jpeg.image_width;
  picture.height = jpeg.image_height;
  picture.channels = grayscale ? 1 : 3;
  // At most 65500 x 65500 pixels, so that nothing here overflows.
  const std::int64_t pixels = picture.width * picture.height;
  MUSTER_ASSIGN_OR_RETURN(picture.pixels,
                          Buffer::allocate(static_cast<std::size_t>(pixels * picture.channels)));
  Buffer ink_row;
  if (jpeg.num_components == 4) {
    MUSTER_ASSIGN_OR_RETURN(ink_row, Buffer::allocate(std::size_t{jpeg.image_width} * 4));
  }
  decoder.pixels = reinterpret_cast<std::uint8_t*>(picture.pixels.bytes().data());
  decoder.ink_row = reinterpret_cast<std::uint8_t*>(ink_row.bytes().data());
  decoder.jpeg.mem->max_memory_to_use = static_cast<long>(kSpareBytes + pixels * kBytesPerPixel);
  const int orientation = orientation_of(jpeg);  // finishing frees the markers
  if (!attempt(decoder, read_pixels)) return failure(decoder);
  return turned(std::move(picture), orientation);
}

}  // namespace muster
