// SPDX-License-Identifier: Apache-2.0
#include "frontend/http/message/content_coding.h"

#include <algorithm>
#include <limits>
#include <utility>

#include <zlib.h>

#include "frontend/http/message/header_list.h"

namespace muster {
namespace {

constexpr int kGzipWindow = MAX_WBITS + 16;
constexpr int kQuickLevel = 1;
constexpr int kMemoryLevel = 8;
// Room that one call of inflate is given: what a bomb can make of one piece before the limit is
// looked at again.
constexpr std::size_t kInflateStep = std::size_t{64} << 10;

int window_of(Coding coding) noexcept {
  return coding == Coding::kGzip ? kGzipWindow : MAX_WBITS;
}

Bytef* to_zlib(const std::byte* bytes) noexcept {
  // zlib reads its input through a pointer that is not const.
  return const_cast<Bytef*>(reinterpret_cast<const Bytef*>(bytes));
}

Status no_memory() {
  return resource_exhausted("no memory to code a body; try again later");
}

}  // namespace

std::string_view coding_name(Coding coding) noexcept {
  switch (coding) {
    case Coding::kGzip:
      return "gzip";
    case Coding::kDeflate:
      return "deflate";
    case Coding::kIdentity:
      break;
  }
  return "identity";
}

std::optional<Coding> parse_content_encoding(std::string_view value) noexcept {
  const std::string_view name = trim(value);
  if (name.empty() || equals_ignoring_case(name, "identity")) return Coding::kIdentity;
  if (equals_ignoring_case(name, "gzip") || equals_ignoring_case(name, "x-gzip")) {
    return Coding::kGzip;
  }
  if (equals_ignoring_case(name, "deflate")) return Coding::kDeflate;
  return std::nullopt;
}

Coding choose_coding(std::string_view accept_encoding) noexcept {
  int gzip = -1;  // in thousandths; -1 = not named
  int deflate = -1;
  int others = -1;
  int identity = -1;
  for (std::string_view rest = accept_encoding; !rest.empty();) {
    const std::string_view item = next_item(rest, ',');
    std::string_view parameters = item;
    const std::string_view name = next_item(parameters, ';');
    const int weight = weight_of(parameters);
    if (equals_ignoring_case(name, "gzip") || equals_ignoring_case(name, "x-gzip")) gzip = weight;
    if (equals_ignoring_case(name, "deflate")) deflate = weight;
    if (equals_ignoring_case(name, "identity")) identity = weight;
    if (name == "*") others = weight;
  }
  if (gzip < 0) gzip = others;
  if (deflate < 0) deflate = others;
  if (std::max(gzip, deflate) <= 0 || identity > std::max(gzip, deflate)) return Coding::kIdentity;
  return gzip >= deflate ? Coding::kGzip : Coding::kDeflate;
}

struct Inflater::Stream {
  z_stream zlib{};
  Stream() = default;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream() { inflateEnd(&zlib); }
};

Inflater::Inflater(std::unique_ptr<Stream> stream, std::size_t limit)
    : stream_(std::move(stream)), limit_(limit) {}
Inflater::Inflater(Inflater&&) noexcept = default;
Inflater& Inflater::operator=(Inflater&&) noexcept = default;
Inflater::~Inflater() = default;

Result<Inflater> Inflater::make(Coding coding, std::size_t limit) {
  auto stream = std::make_unique<Stream>();
  if (inflateInit2(&stream->zlib, window_of(coding)) != Z_OK) return no_memory();
  return Inflater(std::move(stream), limit);
}

Status Inflater::feed(std::span<const std::byte> piece, RequestBody& body) {
  z_stream& zlib = stream_->zlib;
  // What is inflated may be kept back for want of room, also when all of the piece is read.
  for (bool held_back = false; !piece.empty() || held_back;) {
    if (ended_) return invalid_argument("bytes follow the end of the compressed body");
    const std::size_t left = limit_ - std::min(limit_, body.size());
    std::byte surplus{};
    std::span<std::byte> room(&surplus, 1);
    if (left > 0) {
      MUSTER_ASSIGN_OR_RETURN(room, body.space(std::min(left, kInflateStep)));
    }
    const auto given =
        static_cast<uInt>(std::min<std::size_t>(piece.size(), std::numeric_limits<uInt>::max()));
    zlib.next_in = to_zlib(piece.data());
    zlib.avail_in = given;
    zlib.next_out = reinterpret_cast<Bytef*>(room.data());
    zlib.avail_out = static_cast<uInt>(room.size());
    const int outcome = inflate(&zlib, Z_NO_FLUSH);
    const std::size_t made = room.size() - zlib.avail_out;
    if (left == 0 && made > 0) {
      return Status(StatusCode::kOutOfRange, "the body has more than " + std::to_string(limit_) +
                                                 " bytes when it is decompressed");
    }
    body.commit(made);
    piece = piece.subspan(given - zlib.avail_in);
    held_back = outcome == Z_OK && zlib.avail_out == 0;
    if (outcome == Z_STREAM_END) {
      ended_ = true;
    } else if (outcome == Z_MEM_ERROR) {
      return no_memory();
    } else if (outcome != Z_OK && !(outcome == Z_BUF_ERROR && piece.empty())) {
      return invalid_argument("the compressed body is corrupt");
    }
  }
  return {};
}

Status Inflater::finish() const {
  if (ended_) return {};
  return invalid_argument("the compressed body ends too early");
}

Result<std::string> compress(Coding coding, std::span<const std::span<const std::byte>> parts) {
  z_stream zlib{};
  if (deflateInit2(&zlib, kQuickLevel, Z_DEFLATED, window_of(coding), kMemoryLevel,
                   Z_DEFAULT_STRATEGY) != Z_OK) {
    return no_memory();
  }
  const std::unique_ptr<z_stream, int (*)(z_stream*)> end(&zlib, &deflateEnd);
  constexpr std::size_t kStep = std::size_t{16} << 10;
  std::string out;
  const auto run = [&](int flush) {
    int outcome = Z_OK;
    do {
      const std::size_t before = out.size();
      out.resize(before + kStep);
      zlib.next_out = reinterpret_cast<Bytef*>(out.data() + before);
      zlib.avail_out = kStep;
      outcome = deflate(&zlib, flush);
      out.resize(out.size() - zlib.avail_out);
    } while (zlib.avail_out == 0 && outcome == Z_OK);
    return outcome;
  };
  for (std::span<const std::byte> part : parts) {
    while (!part.empty()) {
      const std::size_t given =
          std::min<std::size_t>(part.size(), std::numeric_limits<uInt>::max());
      zlib.next_in = to_zlib(part.data());
      zlib.avail_in = static_cast<uInt>(given);
      static_cast<void>(run(Z_NO_FLUSH));
      part = part.subspan(given);
    }
  }
  if (run(Z_FINISH) != Z_STREAM_END) return internal_error("zlib did not finish a stream");
  return out;
}

}  // namespace muster
