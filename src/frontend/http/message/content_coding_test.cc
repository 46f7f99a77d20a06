// SPDX-License-Identifier: Apache-2.0
#include "frontend/http/message/content_coding.h"

#include <array>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace muster {
namespace {

constexpr std::size_t kLimit = std::size_t{1} << 20;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

std::string coded(Coding coding, std::string_view text) {
  const std::array<std::span<const std::byte>, 1> parts = {bytes_of(text)};
  return compress(coding, parts).value();
}

// Fed in pieces of `piece` bytes; the first error, or what came out.
Result<std::string> inflated(Coding coding, std::string_view bytes, std::size_t limit,
                             std::size_t piece) {
  auto inflater = Inflater::make(coding, limit).value();
  RequestBody body(limit);
  while (!bytes.empty()) {
    MUSTER_RETURN_IF_ERROR(inflater.feed(bytes_of(bytes.substr(0, piece)), body));
    bytes.remove_prefix(std::min(piece, bytes.size()));
  }
  MUSTER_RETURN_IF_ERROR(inflater.finish());
  return std::string(body.text());
}

TEST(ContentCodingTest, what_is_compressed_comes_out_again_in_pieces_of_any_size) {
  std::string text;
  for (int i = 0; i < 50'000; ++i)
    text += std::to_string(i * 7919);
  for (const Coding coding : {Coding::kGzip, Coding::kDeflate}) {
    const std::string small = coded(coding, text);
    EXPECT_LT(small.size(), text.size());
    for (const std::size_t piece : {std::size_t{1}, std::size_t{1000}, small.size()}) {
      const auto out = inflated(coding, small, kLimit, piece);
      ASSERT_TRUE(out.ok()) << out.status().to_string();
      EXPECT_EQ(*out, text);
    }
  }
}

TEST(ContentCodingTest, compresses_many_parts_as_one) {
  const std::array<std::span<const std::byte>, 3> parts = {bytes_of("one "), bytes_of(""),
                                                           bytes_of("two")};
  const auto out = inflated(Coding::kGzip, compress(Coding::kGzip, parts).value(), kLimit, 5);
  ASSERT_TRUE(out.ok());
  EXPECT_EQ(*out, "one two");
}

TEST(ContentCodingTest, stops_a_bomb_at_the_limit) {
  const std::string bomb = coded(Coding::kGzip, std::string(std::size_t{64} << 20, '\0'));
  ASSERT_LT(bomb.size(), std::size_t{1} << 20);
  const auto out = inflated(Coding::kGzip, bomb, kLimit, bomb.size());
  EXPECT_EQ(out.status().code(), StatusCode::kOutOfRange);
}

TEST(ContentCodingTest, a_body_of_exactly_the_limit_is_taken) {
  const std::string text(4096, 'x');
  EXPECT_TRUE(inflated(Coding::kDeflate, coded(Coding::kDeflate, text), 4096, 7).ok());
  EXPECT_FALSE(inflated(Coding::kDeflate, coded(Coding::kDeflate, text), 4095, 7).ok());
}

TEST(ContentCodingTest, refuses_what_is_corrupt_cut_off_or_followed_by_more) {
  std::string good = coded(Coding::kGzip, std::string(1000, 'y'));
  std::string wrong_sum = good;
  wrong_sum[good.size() - 6] = static_cast<char>(wrong_sum[good.size() - 6] ^ 1);
  for (const std::string& bad : {std::string("not gzip at all"), good.substr(0, good.size() - 1),
                                 good + "x", good + good, wrong_sum}) {
    for (const std::size_t piece : {std::size_t{1}, bad.size()}) {
      const auto out = inflated(Coding::kGzip, bad, kLimit, piece);
      EXPECT_EQ(out.status().code(), StatusCode::kInvalidArgument) << bad.size();
    }
  }
}

TEST(ContentCodingTest, reads_the_names_of_codings) {
  EXPECT_EQ(parse_content_encoding("gzip"), Coding::kGzip);
  EXPECT_EQ(parse_content_encoding(" GZip "), Coding::kGzip);
  EXPECT_EQ(parse_content_encoding("deflate"), Coding::kDeflate);
  EXPECT_EQ(parse_content_encoding("identity"), Coding::kIdentity);
  EXPECT_EQ(parse_content_encoding("br"), std::nullopt);
  EXPECT_EQ(parse_content_encoding("gzip, gzip"), std::nullopt);
}

TEST(ContentCodingTest, chooses_what_the_client_weighs_most) {
  const std::vector<std::pair<std::string_view, Coding>> cases = {
      {"gzip", Coding::kGzip},
      {"deflate", Coding::kDeflate},
      {"gzip, deflate, br", Coding::kGzip},
      {"gzip;q=0.5, deflate;q=0.8", Coding::kDeflate},
      {"deflate;q=0.5,gzip;q=0.500", Coding::kGzip},
      {"gzip;q=0", Coding::kIdentity},
      {"*", Coding::kGzip},
      {"*;q=0.1, gzip;q=0", Coding::kDeflate},
      {"identity, gzip;q=0.5", Coding::kIdentity},
      {"br", Coding::kIdentity},
      {"", Coding::kIdentity},
      {"gzip;q=2", Coding::kIdentity},
      {"gzip;q=x", Coding::kIdentity},
      {";,;,q=1", Coding::kIdentity},
  };
  for (const auto& [value, coding] : cases)
    EXPECT_EQ(choose_coding(value), coding) << value;
}

}  // namespace
}  // namespace muster
