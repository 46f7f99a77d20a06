// SPDX-License-Identifier: Apache-2.0
#include "base/bounded_file.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "base/text.h"

namespace muster {

Result<std::string> read_bounded(const std::string& path, std::size_t limit) {
  namespace fs = std::filesystem;
  std::error_code error;
  if (!fs::exists(path, error)) return not_found("there is no file " + printable(path));
  if (!fs::is_regular_file(path, error)) {
    return invalid_argument(printable(path) + " is no regular file");
  }
  std::ifstream stream(path, std::ios::binary);
  if (!stream) return failed_precondition(printable(path) + " cannot be read");
  // One byte more than is expected tells of a file that is larger. What stands in /proc has no
  // size.
  constexpr std::size_t kPiece = 65536;
  std::string text;
  while (stream && text.size() <= limit) {
    const std::size_t piece = std::min(kPiece, limit - text.size() + 1);
    const std::size_t before = text.size();
    text.resize(before + piece);
    stream.read(text.data() + before, static_cast<std::streamsize>(piece));
    text.resize(before + static_cast<std::size_t>(stream.gcount()));
  }
  if (text.size() > limit) {
    return resource_exhausted(printable(path) + " is larger than " + std::to_string(limit) +
                              " bytes");
  }
  return text;
}

}  // namespace muster
