// SPDX-License-Identifier: Apache-2.0
#include "content_store/digest.h"

#include <cerrno>
#include <vector>

#include <fcntl.h>
#include <openssl/evp.h>
#include <unistd.h>

#include "base/check.h"
#include "base/text.h"

namespace muster {
namespace {

constexpr std::size_t kChunkBytes = std::size_t{1} << 20;

struct File {
  explicit File(const std::string& path) : descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (descriptor >= 0) ::close(descriptor);
  }
  const int descriptor;
};

}  // namespace

void Digest::Free::operator()(EVP_MD_CTX* context) const noexcept {
  EVP_MD_CTX_free(context);
}

Digest::Digest() : context_(EVP_MD_CTX_new()) {
  MUSTER_CHECK(context_ != nullptr &&
               EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1);
}

void Digest::add(std::span<const std::byte> bytes) {
  MUSTER_CHECK(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1);
}

DigestBytes Digest::finish() {
  DigestBytes digest{};
  MUSTER_CHECK(EVP_DigestFinal_ex(context_.get(), reinterpret_cast<unsigned char*>(digest.data()),
                                  nullptr) == 1);
  return digest;
}

std::string as_text(const DigestBytes& digest) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const std::byte byte : digest) {
    text += kDigits[std::to_integer<std::size_t>(byte >> 4)];
    text += kDigits[std::to_integer<std::size_t>(byte & std::byte{15})];
  }
  return text;
}

Result<DigestBytes> digest_of_file(const std::string& path) {
  const File file(path);
  if (file.descriptor < 0) return failed_precondition(printable(path) + " cannot be opened");
  Digest digest;
  std::vector<std::byte> chunk(kChunkBytes);
  while (true) {
    const ssize_t count = ::read(file.descriptor, chunk.data(), chunk.size());
    if (count == 0) return digest.finish();
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failed_precondition(printable(path) + " cannot be read");
    digest.add(std::span(chunk).first(static_cast<std::size_t>(count)));
  }
}

Result<DigestBytes> digest_of_files(std::string_view kind, std::span<const std::string> paths) {
  Digest digest;
  digest.add(kind);
  for (const std::string& path : paths) {
    MUSTER_ASSIGN_OR_RETURN(const DigestBytes of_file, digest_of_file(path));
    digest.add(of_file);
  }
  return digest.finish();
}

}  // namespace muster
