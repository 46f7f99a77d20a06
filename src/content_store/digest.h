// SPDX-License-Identifier: Apache-2.0
// Digests of what a compiled model was made from: SHA-256, so that equal digests mean equal bytes
// also where somebody tries to make them collide.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <muster/status.h>

// OpenSSL's own declaration.
using EVP_MD_CTX = struct evp_md_ctx_st;

namespace muster {

using DigestBytes = std::array<std::byte, 32>;

class Digest {
 public:
  Digest();

  void add(std::span<const std::byte> bytes);
  void add(std::string_view text) { add(std::as_bytes(std::span(text))); }
  // Of all that was added; nothing may be added later.
  [[nodiscard]] DigestBytes finish();

 private:
  struct Free {
    void operator()(EVP_MD_CTX* context) const noexcept;
  };
  std::unique_ptr<EVP_MD_CTX, Free> context_;
};

// 64 hexadecimal digits.
[[nodiscard]] std::string as_text(const DigestBytes& digest);
// Of a file's bytes. Errors name the file.
[[nodiscard]] Result<DigestBytes> digest_of_file(const std::string& path);
// Of what several files hold, in this order, and of `kind`, which says what they are together.
[[nodiscard]] Result<DigestBytes> digest_of_files(std::string_view kind,
                                                  std::span<const std::string> paths);

}  // namespace muster
