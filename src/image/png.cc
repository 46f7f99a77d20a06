// SPDX-License-Identifier: Apache-2.0
#include "image/png.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <spng.h>

#include "image/orientation.h"
#include "image/png_scanline.h"

namespace muster {
namespace {

constexpr std::array<std::uint8_t, 8> kSignature = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};

constexpr std::size_t kMaxExifBytes = std::size_t{8} << 20;
// The most that deflate can unpack from a byte: 258 from 2 bits.
constexpr std::uint64_t kMaxInflation = 1032;

// Interlacing by Adam7: the first pixel of each pass, and how far apart its pixels are.
struct Pass {
  std::uint32_t x;
  std::uint32_t x_step;
};
constexpr std::array<Pass, 7> kPasses = {{{0, 8}, {4, 8}, {0, 4}, {2, 4}, {0, 2}, {1, 2}, {0, 1}}};

// Chunks that have no bearing on the pixels. spng would unpack or copy them into memory, and so
// refuse a good picture with a large profile, or work long for a hostile one.
constexpr std::array<std::string_view, 5> kSkippedChunks = {"iCCP", "tEXt", "zTXt", "iTXt", "sPLT"};
constexpr std::size_t kChunkFrameBytes = 12;  // length, type and checksum

// Calls `piece` with the parts of `file` between its skipped chunks. A malformed chunk, with all
// that follows, is spng's to judge. False where no complete end mark was met.
template <typename Piece>
bool for_each_piece(std::span<const std::byte> file, Piece piece) {
  std::size_t kept = 0;
  std::size_t at = kSignature.size();
  bool ended = false;
  while (!ended && file.size() - at >= kChunkFrameBytes) {
    std::uint32_t length = 0;
    for (std::size_t i = 0; i < 4; ++i)
      length = length << 8 | std::to_integer<std::uint32_t>(file[at + i]);
    if (length > file.size() - at - kChunkFrameBytes) break;
    const std::string_view type(reinterpret_cast<const char*>(file.data()) + at + 4, 4);
    const std::size_t end = at + kChunkFrameBytes + length;
    if (std::ranges::find(kSkippedChunks, type) != kSkippedChunks.end()) {
      piece(file.subspan(kept, at - kept));
      kept = end;
    }
    at = end;
    ended = type == "IEND";
  }
  piece(file.subspan(kept));
  return ended;
}

// Makes `file` a view of its copy in `copy` where it has chunks to skip.
Status skip_chunks(std::span<const std::byte>& file, Buffer& copy, bool& ended) {
  std::size_t size = 0;
  ended = for_each_piece(file, [&](std::span<const std::byte> piece) { size += piece.size(); });
  if (size == file.size()) return {};
  MUSTER_ASSIGN_OR_RETURN(copy, Buffer::allocate(size));
  auto to = copy.bytes().begin();
  for_each_piece(file,
                 [&](std::span<const std::byte> piece) { to = std::ranges::copy(piece, to).out; });
  file = copy.bytes();
  return {};
}

struct FreeContext {
  void operator()(spng_ctx* context) const noexcept { spng_ctx_free(context); }
};
using Context = std::unique_ptr<spng_ctx, FreeContext>;

Status failure(int error, std::size_t file_bytes) {
  switch (error) {
    case SPNG_IO_EOF:
      return invalid_argument(fmt::format("PNG is cut off after {} bytes", file_bytes));
    case SPNG_EMEM:
      return resource_exhausted("no memory is left to decode the PNG");
    case SPNG_ECHUNK_LIMITS:
      return resource_exhausted(
          fmt::format("PNG has more than {} bytes of Exif, over the limit", kMaxExifBytes));
    case SPNG_EWIDTH:
    case SPNG_EHEIGHT:
      return invalid_argument("PNG has a width or height of 0 or over 2147483647 pixels");
    default:
      return invalid_argument(fmt::format("PNG is corrupt: {}", spng_strerror(error)));
  }
}

Status check_size(const spng_ihdr& header, const PngFormat& format, std::size_t file_bytes,
                  const PictureLimits& limits) {
  // Both are below 2^31, so that no product here overflows.
  const std::uint64_t pixels = std::uint64_t{header.width} * header.height;
  if (limits.max_pixels < 0 || pixels > static_cast<std::uint64_t>(limits.max_pixels))
    return resource_exhausted(
        fmt::format("picture of {}x{} pixels is over the limit of {} (max_pixels)", header.width,
                    header.height, limits.max_pixels));
  // Spares the memory for what would turn out as cut off anyway.
  if (pixels * format.bits_per_pixel() / 8 / kMaxInflation > file_bytes)
    return invalid_argument(
        fmt::format("PNG is cut off after {} bytes: they cannot hold {}x{} pixels", file_bytes,
                    header.width, header.height));
  return {};
}

PngFormat format_of(const spng_ihdr& header) {
  PngFormat format;
  format.bit_depth = header.bit_depth;
  format.alpha = header.color_type == SPNG_COLOR_TYPE_GRAYSCALE_ALPHA ||
                 header.color_type == SPNG_COLOR_TYPE_TRUECOLOR_ALPHA;
  if (header.color_type == SPNG_COLOR_TYPE_INDEXED) {
    format.kind = PngFormat::Kind::kPalette;
  } else if (header.color_type == SPNG_COLOR_TYPE_TRUECOLOR ||
             header.color_type == SPNG_COLOR_TYPE_TRUECOLOR_ALPHA) {
    format.kind = PngFormat::Kind::kColor;
  }
  return format;
}

std::uint32_t gamma_of(spng_ctx* context) {
  std::uint8_t intent = 0;
  if (spng_get_srgb(context, &intent) == SPNG_OK) return kSrgbGamma;
  std::uint32_t gamma = 0;
  return spng_get_gama_int(context, &gamma) == SPNG_OK ? gamma : 0;
}

class PngDecoder {
 public:
  PngDecoder(Context context, const spng_ihdr& header, const PngFormat& format,
             std::size_t file_bytes)
      : context_(std::move(context)), header_(header), format_(format), file_bytes_(file_bytes) {}

  Result<Picture> decode(bool grayscale) {
    Picture picture;
    picture.width = header_.width;
    picture.height = header_.height;
    picture.channels = grayscale ? 1 : 3;
    const std::size_t pixels = std::size_t{header_.width} * header_.height;
    MUSTER_ASSIGN_OR_RETURN(picture.pixels,
                            Buffer::allocate(pixels * static_cast<std::size_t>(picture.channels)));
    const bool as_stored = grayscale && format_.kind == PngFormat::Kind::kGray && !format_.alpha &&
                           format_.bit_depth == 8 && header_.interlace_method == 0;
    MUSTER_RETURN_IF_ERROR(as_stored ? read_as_stored(picture) : read_converted(picture));
    // Up to the end mark, so that no cut goes unnoticed; Exif may stand behind the pixels too.
    if (const int error = spng_decode_chunks(context_.get()); error != SPNG_OK)
      return failure(error, file_bytes_);
    spng_exif exif = {};
    if (spng_get_exif(context_.get(), &exif) != SPNG_OK) return picture;
    return turned(std::move(picture),
                  exif_orientation(std::as_bytes(std::span<const char>(exif.data, exif.length))));
  }

 private:
  Status read_as_stored(Picture& picture) {
    const std::span<std::byte> pixels = picture.pixels.bytes();
    const int error =
        spng_decode_image(context_.get(), pixels.data(), pixels.size(), SPNG_FMT_RAW, 0);
    return error == SPNG_OK ? Status() : failure(error, file_bytes_);
  }

  Status read_converted(Picture& picture) {
    spng_ctx* const context = context_.get();
    if (const int error =
            spng_decode_image(context, nullptr, 0, SPNG_FMT_RAW, SPNG_DECODE_PROGRESSIVE);
        error != SPNG_OK)
      return failure(error, file_bytes_);
    std::array<PngColor, 256> palette;
    set_colors(palette);
    const PngScanline scanline(format_, picture.channels == 1);
    const std::size_t scanline_bytes =
        (std::size_t{header_.width} * format_.bits_per_pixel() + 7) / 8;
    MUSTER_ASSIGN_OR_RETURN(Buffer stored, Buffer::allocate(scanline_bytes));
    const auto* const from = reinterpret_cast<const std::uint8_t*>(stored.bytes().data());
    auto* const pixels = reinterpret_cast<std::uint8_t*>(picture.pixels.bytes().data());
    const auto channels = static_cast<std::size_t>(picture.channels);
    while (true) {
      spng_row_info row = {};
      int error = spng_get_row_info(context, &row);
      if (error != SPNG_OK) return failure(error, file_bytes_);
      error = spng_decode_scanline(context, stored.bytes().data(), stored.size());
      if (error != SPNG_OK && error != SPNG_EOI) return failure(error, file_bytes_);
      const Pass pass =
          header_.interlace_method == 0 ? Pass{0, 1} : kPasses[static_cast<std::size_t>(row.pass)];
      const std::size_t count = (header_.width - pass.x + pass.x_step - 1) / pass.x_step;
      const std::size_t first = std::size_t{row.row_num} * header_.width + pass.x;
      scanline.convert(from, count, pixels + first * channels, pass.x_step * channels);
      if (error == SPNG_EOI) return {};
    }
  }

  // What the chunks before the pixels say of the colours.
  void set_colors(std::array<PngColor, 256>& palette) {
    format_.gamma = gamma_of(context_.get());
    if (format_.kind != PngFormat::Kind::kPalette) return;
    spng_plte stored = {};
    if (spng_get_plte(context_.get(), &stored) != SPNG_OK) stored.n_entries = 0;
    const std::size_t count = std::min<std::size_t>(stored.n_entries, palette.size());
    for (std::size_t i = 0; i < count; ++i)
      palette[i] = {stored.entries[i].red, stored.entries[i].green, stored.entries[i].blue};
    format_.palette = std::span(palette).first(count);
  }

  Context context_;
  const spng_ihdr header_;
  PngFormat format_;
  const std::size_t file_bytes_;
};

}  // namespace

bool is_png(std::span<const std::byte> file) noexcept {
  return file.size() >= kSignature.size() &&
         std::ranges::equal(std::as_bytes(std::span(kSignature)), file.first(kSignature.size()));
}

Result<Picture> decode_png(std::span<const std::byte> file, bool grayscale,
                           const PictureLimits& limits) {
  std::span<const std::byte> chunks = file;
  Buffer copy;  // outlives the context
  bool ended = false;
  MUSTER_RETURN_IF_ERROR(skip_chunks(chunks, copy, ended));
  Context context(spng_ctx_new(0));
  if (!context) return failure(SPNG_EMEM, file.size());
  int error = spng_set_png_buffer(context.get(), chunks.data(), chunks.size());
  if (error == SPNG_OK)
    error = spng_set_crc_action(context.get(), SPNG_CRC_ERROR, SPNG_CRC_DISCARD);
  if (error == SPNG_OK) error = spng_set_chunk_limits(context.get(), kMaxExifBytes, kMaxExifBytes);
  // spng_set_image_limits would refuse without saying the size; nothing is allocated before
  // check_size below.
  spng_ihdr header = {};
  if (error == SPNG_OK) error = spng_get_ihdr(context.get(), &header);
  if (error != SPNG_OK) return failure(error, file.size());
  const PngFormat format = format_of(header);
  MUSTER_RETURN_IF_ERROR(check_size(header, format, file.size(), limits));
  Result<Picture> picture =
      PngDecoder(std::move(context), header, format, file.size()).decode(grayscale);
  // spng itself does not miss the last 4 bytes.
  if (picture.ok() && !ended) return failure(SPNG_IO_EOF, file.size());
  return picture;
}

}  // namespace muster
