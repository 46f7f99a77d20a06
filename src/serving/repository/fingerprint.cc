// SPDX-License-Identifier: Apache-2.0
#include "serving/repository/fingerprint.h"

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <sys/stat.h>

namespace muster {
namespace {

namespace fs = std::filesystem;

// The finaliser of MurmurHash3 (https://github.com/aappleby/smhasher): every bit depends on all.
std::uint64_t mixed(std::uint64_t value) noexcept {
  value ^= value >> 33;
  value *= 0xff51afd7ed558ccdU;
  value ^= value >> 33;
  value *= 0xc4ceb9fe1a85ec53U;
  return value ^ (value >> 33);
}

// Sums of mixed values, so that the order in which a folder lists its files means nothing.
std::uint64_t of_file(const std::string& file, std::string_view name) {
  struct stat found {};
  std::uint64_t value = combined(0, std::hash<std::string_view>{}(name));
  if (::stat(file.c_str(), &found) != 0) return value;  // a link that leads nowhere
  value = combined(value, static_cast<std::uint64_t>(found.st_size));
  value = combined(value, static_cast<std::uint64_t>(found.st_mtim.tv_sec));
  value = combined(value, static_cast<std::uint64_t>(found.st_mtim.tv_nsec));
  value = combined(value, static_cast<std::uint64_t>(found.st_ino));
  return combined(value, static_cast<std::uint64_t>(found.st_dev));
}

}  // namespace

std::uint64_t combined(std::uint64_t a, std::uint64_t b) noexcept {
  const std::uint64_t value = mixed(a * 0x9e3779b97f4a7c15U + mixed(b + 1));
  return value == 0 ? 1 : value;
}

std::uint64_t fingerprint(const std::string& folder, FingerprintExtent extent) {
  std::uint64_t sum = 1;
  std::size_t files = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code ignored;
    if (fs::is_directory(entry->symlink_status(ignored))) {
      if (extent == FingerprintExtent::kFilesOnly || entry.depth() >= kMaxFingerprintDepth) {
        entry.disable_recursion_pending();
      }
      continue;
    }
    if (++files > kMaxFingerprintFiles) break;
    const std::string path = entry->path().string();
    sum += of_file(path, std::string_view(path).substr(std::min(path.size(), folder.size())));
  }
  return combined(sum, files);
}

}  // namespace muster
