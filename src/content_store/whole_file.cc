// SPDX-License-Identifier: Apache-2.0
#include "content_store/whole_file.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

#include "base/text.h"

namespace muster {
namespace {

// `path` ends in "XXXXXX" and kAsideSuffix; becomes that of the file. A name that nobody else has,
// also not in another container, whose processes have the same numbers.
bool write_new_file(std::string& path, std::span<const std::string_view> parts) {
  const int file = ::mkostemps(path.data(), static_cast<int>(kAsideSuffix.size()), O_CLOEXEC);
  if (file < 0) return false;
  bool whole = true;
  for (std::string_view rest : parts) {
    while (whole && !rest.empty()) {
      const ssize_t count = ::write(file, rest.data(), rest.size());
      if (count < 0 && errno == EINTR) continue;
      whole = count > 0;
      if (whole) rest.remove_prefix(static_cast<std::size_t>(count));
    }
  }
  whole = whole && ::fsync(file) == 0;
  return ::close(file) == 0 && whole;
}

}  // namespace

Status write_whole_file(const std::string& path, std::span<const std::string_view> parts) {
  std::string aside = path + ".XXXXXX" + std::string(kAsideSuffix);
  if (write_new_file(aside, parts) && ::rename(aside.c_str(), path.c_str()) == 0) return {};
  const std::string reason = std::strerror(errno);
  ::unlink(aside.c_str());
  return failed_precondition(printable(path) + " cannot be written: " + reason);
}

}  // namespace muster
