// SPDX-License-Identifier: Apache-2.0
#include "protocol/grpc/wire_reader.h"

#include <bit>
#include <cstring>

namespace muster {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr std::size_t kMaxTagBytes = 5;
constexpr std::size_t kMaxVarintBytes = 10;

}  // namespace

// Bits beyond the 32 of a tag and the 64 of a number are dropped, as protobuf does.
std::uint32_t WireReader::long_tag() noexcept {
  std::uint32_t tag = 0;
  for (std::size_t i = 0; i < kMaxTagBytes && at_ != end_; ++i) {
    const auto byte = static_cast<unsigned char>(*at_++);
    tag |= (byte & 0x7FU) << (7 * i);
    if (byte < 0x80) return tag;
  }
  fail();
  return 0;
}

std::uint64_t WireReader::long_varint() noexcept {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < kMaxVarintBytes && at_ != end_; ++i) {
    const auto byte = static_cast<unsigned char>(*at_++);
    value |= std::uint64_t{byte & 0x7FU} << (7 * i);
    if (byte < 0x80) return value;
  }
  fail();
  return 0;
}

// Unlike numbers, sizes may not be written longer than 5 bytes, nor reach 2 GiB.
std::uint32_t WireReader::long_size() noexcept {
  constexpr std::size_t kMaxSizeBytes = 5;
  std::uint64_t size = 0;
  for (std::size_t i = 0; i < kMaxSizeBytes && at_ != end_; ++i) {
    const auto byte = static_cast<unsigned char>(*at_++);
    size |= std::uint64_t{byte & 0x7FU} << (7 * i);
    if (byte < 0x80 && size <= INT32_MAX) return static_cast<std::uint32_t>(size);
    if (byte < 0x80) break;
  }
  fail();
  return 0;
}

std::uint64_t WireReader::fixed64() noexcept {
  std::uint64_t value = 0;
  const std::string_view given = fixed_bytes(sizeof(value));
  if (!given.empty()) std::memcpy(&value, given.data(), sizeof(value));
  return value;
}

std::string_view WireReader::varint_bytes() noexcept {
  const char* const begin = at_;
  (void)varint();
  return whole_ ? std::string_view(begin, static_cast<std::size_t>(at_ - begin))
                : std::string_view();
}

void WireReader::skip(std::uint32_t tag) noexcept {
  switch (static_cast<WireType>(tag & 7U)) {
    case WireType::kVarint:
      (void)varint();
      return;
    case WireType::kFixed64:
      (void)fixed_bytes(sizeof(std::uint64_t));
      return;
    case WireType::kBytes:
      (void)bytes();
      return;
    case WireType::kGroupBegin:
      return skip_group(tag);
    case WireType::kFixed32:
      (void)fixed_bytes(sizeof(std::uint32_t));
      return;
    default:
      return fail();
  }
}

void WireReader::skip_group(std::uint32_t begin) noexcept {
  if (depth_ == 0) return fail();
  --depth_;
  const std::uint32_t end = wire_tag(static_cast<int>(begin >> 3U), WireType::kGroupEnd);
  while (const std::uint32_t tag = next()) {
    if (tag == end) {
      ++depth_;
      return;
    }
    skip(tag);
  }
  fail();
}

}  // namespace muster
