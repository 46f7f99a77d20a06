// SPDX-License-Identifier: Apache-2.0
// Content codings: gzip and deflate (RFC 9110, 8.4) of bodies, as they come and as they go.
//
// Pure; one thread at a time. Memory grows with what comes out, up to the body's limit, never with
// what the compressed bytes claim.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <muster/status.h>

#include "protocol/request_body.h"

namespace muster {

enum class Coding : std::uint8_t { kIdentity, kGzip, kDeflate };
// As the headers write it: "gzip".
[[nodiscard]] std::string_view coding_name(Coding coding) noexcept;

// Of Content-Encoding; nothing where it is unknown or several on top of each other.
[[nodiscard]] std::optional<Coding> parse_content_encoding(std::string_view value) noexcept;
// Of Accept-Encoding: the coding with the highest weight, gzip before deflate, and kIdentity where
// the client has no wish or one that cannot be read.
[[nodiscard]] Coding choose_coding(std::string_view accept_encoding) noexcept;

// Undoes a coding piece by piece. Errors are final: kInvalidArgument where the stream is corrupt or
// bytes follow its end, kOutOfRange over the limit, kResourceExhausted without memory.
class Inflater {
 public:
  // `limit` in bytes of all that may come out.
  [[nodiscard]] static Result<Inflater> make(Coding coding, std::size_t limit);
  Inflater(Inflater&&) noexcept;
  Inflater& operator=(Inflater&&) noexcept;
  ~Inflater();

  // Appends to `body` what `piece` gives.
  [[nodiscard]] Status feed(std::span<const std::byte> piece, RequestBody& body);
  // Whether the stream came to its end; otherwise it was cut off.
  [[nodiscard]] Status finish() const;

 private:
  struct Stream;
  Inflater(std::unique_ptr<Stream> stream, std::size_t limit);
  std::unique_ptr<Stream> stream_;
  std::size_t limit_;
  bool ended_ = false;
};

// All of `parts` as one coded string, quickly rather than small. kResourceExhausted without memory.
[[nodiscard]] Result<std::string> compress(Coding coding,
                                           std::span<const std::span<const std::byte>> parts);

}  // namespace muster
