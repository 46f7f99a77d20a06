// SPDX-License-Identifier: Apache-2.0
// Compressed bytes, in pieces (the first byte says of what size), and the same bytes as the headers
// that name codings.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string_view>

#include "frontend/http/message/content_coding.h"

namespace {

using namespace muster;

constexpr std::size_t kLimit = std::size_t{1} << 16;

void require(bool condition) {
  if (!condition) std::abort();
}

void inflate_all(Coding coding, std::span<const std::byte> bytes, std::size_t piece) {
  auto inflater = Inflater::make(coding, kLimit);
  require(inflater.ok());
  RequestBody body(kLimit);
  while (!bytes.empty()) {
    const std::size_t count = std::min(piece, bytes.size());
    if (!inflater->feed(bytes.first(count), body).ok()) return;
    require(body.size() <= kLimit);
    bytes = bytes.subspan(count);
  }
  if (!inflater->finish().ok()) return;
  // What came out goes in again, and comes out the same.
  const auto whole = body.bytes();
  const auto coded = compress(coding, std::span(&whole, 1));
  require(coded.ok());
  auto again = Inflater::make(coding, kLimit);
  RequestBody copy(kLimit);
  require(again->feed(std::as_bytes(std::span(*coded)), copy).ok() && again->finish().ok());
  require(copy.text() == body.text());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static_cast<void>(parse_content_encoding(text));
  static_cast<void>(choose_coding(text));
  if (size == 0) return 0;
  const auto bytes = std::as_bytes(std::span(data + 1, size - 1));
  for (const Coding coding : {Coding::kGzip, Coding::kDeflate})
    inflate_all(coding, bytes, std::size_t{1} + data[0]);
  return 0;
}
