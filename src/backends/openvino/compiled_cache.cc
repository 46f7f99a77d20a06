// SPDX-License-Identifier: Apache-2.0
#include "backends/openvino/compiled_cache.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

namespace muster::openvino {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMagic = "MUSTEROV";
constexpr std::string_view kSuffix = ".blob";
constexpr std::string_view kAside = ".new";
constexpr std::size_t kKeyAt = 8;
constexpr std::size_t kDigestAt = 40;
constexpr std::size_t kSizeAt = 72;
constexpr std::size_t kHeaderBytes = 80;

std::string header_of(const DigestBytes& key, std::string_view content) {
  Digest digest;
  digest.add(content);
  const DigestBytes of_content = digest.finish();
  std::string header(kMagic);
  header.append(reinterpret_cast<const char*>(key.data()), key.size());
  header.append(reinterpret_cast<const char*>(of_content.data()), of_content.size());
  for (unsigned shift = 0; shift < 64; shift += 8)
    header += static_cast<char>(content.size() >> shift & 0xff);
  return header;
}

// Reads a regular file of at most `limit` bytes, whole; no link is followed.
std::optional<std::string> read_file(const std::string& path, std::uint64_t limit) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (file < 0) return std::nullopt;
  std::optional<std::string> text;
  struct stat status {};
  if (::fstat(file, &status) == 0 && S_ISREG(status.st_mode) && status.st_size >= 0 &&
      static_cast<std::uint64_t>(status.st_size) <= limit) {
    text.emplace(static_cast<std::size_t>(status.st_size), '\0');
    std::size_t done = 0;
    while (done < text->size()) {
      const ssize_t count = ::read(file, text->data() + done, text->size() - done);
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) break;
      done += static_cast<std::size_t>(count);
    }
    text->resize(done);
  }
  ::close(file);
  return text;
}

// `path` ends in "XXXXXX" and kAside; becomes that of the file. A name that nobody else has, also
// not in another container, whose processes have the same numbers.
bool write_new_file(std::string& path, std::string_view header, std::string_view content) {
  const int file = ::mkostemps(path.data(), static_cast<int>(kAside.size()), O_CLOEXEC);
  if (file < 0) return false;
  bool whole = true;
  for (std::string_view rest : {header, content}) {
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

// What write_new_file makes: "KEY.blob.a1B2c3.new".
bool is_aside(const fs::path& file) {
  return file.extension() == kAside && file.stem().stem().extension() == kSuffix;
}

}  // namespace

Result<CompiledCache> CompiledCache::open(const std::string& folder, std::uint64_t max_bytes) {
  const std::string place = "the folder for compiled models, " + printable(folder) + ",";
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
    return failed_precondition(place + " cannot be made: " + std::strerror(errno));
  }
  struct stat status {};
  if (::stat(folder.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) {
    return failed_precondition(place + " is no folder");
  }
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return failed_precondition(place + " may be written to by others; chmod go-w it");
  }
  if (status.st_uid != ::geteuid() && status.st_uid != 0) {
    return failed_precondition(place + " belongs to somebody else; name one of this user's own");
  }
  return CompiledCache(folder, max_bytes);
}

std::string CompiledCache::path_of(const DigestBytes& key) const {
  return (fs::path(folder_) / (as_text(key) + std::string(kSuffix))).string();
}

std::optional<std::string> CompiledCache::find(const DigestBytes& key, std::string& fault) const {
  fault.clear();
  const std::string path = path_of(key);
  std::optional<std::string> text = read_file(path, max_bytes_);
  if (!text) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) == 0) fault = "is no file that can be read";
    return std::nullopt;
  }
  const std::string_view whole = *text;
  if (whole.size() < kHeaderBytes || !whole.starts_with(kMagic)) {
    fault = "is no compiled model";
  } else if (whole.substr(kKeyAt, key.size()) !=
             std::string_view(reinterpret_cast<const char*>(key.data()), key.size())) {
    fault = "was made from something else";
  } else if (header_of(key, whole.substr(kHeaderBytes)) != whole.substr(0, kHeaderBytes)) {
    fault = "is damaged";
  }
  if (!fault.empty()) return std::nullopt;
  // The order in which entries go is that of their last use. A refusal is no matter.
  ::utimensat(AT_FDCWD, path.c_str(), nullptr, 0);
  text->erase(0, kHeaderBytes);
  return text;
}

Status CompiledCache::store(const DigestBytes& key, std::string_view content) const {
  const std::string path = path_of(key);
  if (content.size() > max_bytes_ - std::min<std::uint64_t>(max_bytes_, kHeaderBytes)) {
    return resource_exhausted("a compiled model of " + std::to_string(content.size()) +
                              " bytes is more than the cache holds");
  }
  remove_oldest(content.size() + kHeaderBytes);
  std::string aside = path + ".XXXXXX" + std::string(kAside);
  if (!write_new_file(aside, header_of(key, content), content) ||
      ::rename(aside.c_str(), path.c_str()) != 0) {
    const std::string reason = std::strerror(errno);
    ::unlink(aside.c_str());
    return failed_precondition(printable(path) + " cannot be written: " + reason);
  }
  return {};
}

void CompiledCache::remove_oldest(std::uint64_t room) const {
  struct Entry {
    fs::path path;
    fs::file_time_type used;
    std::uint64_t bytes;
  };
  std::vector<Entry> entries;
  std::uint64_t total = room;
  std::error_code error;
  for (fs::directory_iterator entry(folder_, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code failed;
    const bool aside = is_aside(entry->path());
    // What somebody else put here is left alone.
    if ((!aside && entry->path().extension() != kSuffix) || !entry->is_regular_file(failed)) {
      continue;
    }
    const std::uint64_t bytes = entry->file_size(failed);
    const fs::file_time_type used = entry->last_write_time(failed);
    if (failed) continue;
    if (aside && fs::file_time_type::clock::now() - used > kStaleAfter) {
      fs::remove(entry->path(), failed);
      continue;
    }
    total += bytes;
    // What is being written is in nobody's way for long.
    if (!aside) entries.push_back({entry->path(), used, bytes});
  }
  std::ranges::sort(entries, {}, &Entry::used);
  for (const Entry& entry : entries) {
    if (total <= max_bytes_) return;
    fs::remove(entry.path, error);
    total -= entry.bytes;
  }
}

}  // namespace muster::openvino
