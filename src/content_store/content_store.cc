// SPDX-License-Identifier: Apache-2.0
#include "content_store/content_store.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/descriptor.h"
#include "base/text.h"
#include "content_store/whole_file.h"

namespace muster {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kKeyAt = 8;
constexpr std::size_t kSizeAt = 72;
constexpr std::size_t kHeaderBytes = 80;

std::string_view text_of(const DigestBytes& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

std::string header_of(std::string_view magic, const DigestBytes& key, std::string_view content) {
  Digest digest;
  digest.add(content);
  const DigestBytes of_content = digest.finish();
  std::string header(magic);
  header += text_of(key);
  header += text_of(of_content);
  for (unsigned shift = 0; shift < 64; shift += 8)
    header += static_cast<char>(content.size() >> shift & 0xff);
  return header;
}

// A regular file of at most `limit` bytes, open for reading; no link is followed.
struct EntryFile {
  EntryFile(const std::string& path, std::uint64_t limit)
      : file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)) {
    struct stat status {};
    good = file.get() >= 0 && ::fstat(file.get(), &status) == 0 && S_ISREG(status.st_mode) &&
           status.st_size >= 0 && static_cast<std::uint64_t>(status.st_size) <= limit;
    if (good) bytes = static_cast<std::size_t>(status.st_size);
  }
  // Its first bytes, fewer where the file became shorter meanwhile.
  [[nodiscard]] std::string first(std::size_t count) const {
    std::string text(count, '\0');
    std::size_t done = 0;
    while (done < text.size()) {
      const ssize_t part = ::read(file.get(), text.data() + done, text.size() - done);
      if (part < 0 && errno == EINTR) continue;
      if (part <= 0) break;
      done += static_cast<std::size_t>(part);
    }
    text.resize(done);
    return text;
  }

  const Descriptor file;
  bool good = false;
  std::size_t bytes = 0;
};

std::uint64_t size_in(std::string_view header) {
  std::uint64_t size = 0;
  for (std::size_t i = kHeaderBytes; i > kSizeAt; --i)
    size = size << 8 | static_cast<unsigned char>(header[i - 1]);
  return size;
}

// What is wrong with the beginning of an entry; "" = nothing.
std::string_view header_fault(std::string_view magic, const DigestBytes& key,
                              std::string_view header) {
  if (header.size() < kHeaderBytes || !header.starts_with(magic)) return "is no compiled model";
  if (header.substr(kKeyAt, key.size()) != text_of(key)) return "was made from something else";
  return {};
}

}  // namespace

Result<ContentStore> ContentStore::open(const std::string& folder, const EntryKind& kind) {
  MUSTER_CHECK(kind.magic.size() == kKeyAt);
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
  return ContentStore(folder, kind);
}

std::string ContentStore::path_of(const DigestBytes& key) const {
  return (fs::path(folder_) / (as_text(key) + std::string(kind_.suffix))).string();
}

// What write_whole_file makes: "KEY.blob.a1B2c3.new".
bool ContentStore::is_aside(const std::string& name) const {
  const fs::path file(name);
  return file.extension() == kAsideSuffix && file.stem().stem().extension() == kind_.suffix;
}

bool ContentStore::has(const DigestBytes& key) const {
  const EntryFile file(path_of(key), kind_.max_bytes);
  if (!file.good || file.bytes < kHeaderBytes) return false;
  const std::string header = file.first(kHeaderBytes);
  return header_fault(kind_.magic, key, header).empty() &&
         size_in(header) == file.bytes - kHeaderBytes;
}

std::optional<std::string> ContentStore::find(const DigestBytes& key, std::string& fault) const {
  fault.clear();
  const std::string path = path_of(key);
  const EntryFile file(path, kind_.max_bytes);
  if (!file.good) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) == 0) fault = "is no file that can be read";
    return std::nullopt;
  }
  std::string text = file.first(file.bytes);
  const std::string_view whole = text;
  fault = header_fault(kind_.magic, key, whole);
  if (fault.empty() &&
      header_of(kind_.magic, key, whole.substr(kHeaderBytes)) != whole.substr(0, kHeaderBytes)) {
    fault = "is damaged";
  }
  if (!fault.empty()) return std::nullopt;
  // The order in which entries go is that of their last use. A refusal is no matter.
  ::utimensat(AT_FDCWD, path.c_str(), nullptr, 0);
  text.erase(0, kHeaderBytes);
  return text;
}

Status ContentStore::store(const DigestBytes& key, std::string_view content) const {
  if (content.size() > kind_.max_bytes - std::min<std::uint64_t>(kind_.max_bytes, kHeaderBytes)) {
    return resource_exhausted("a compiled model of " + std::to_string(content.size()) +
                              " bytes is more than the cache holds");
  }
  remove_oldest(content.size() + kHeaderBytes);
  const std::string header = header_of(kind_.magic, key, content);
  const std::string_view parts[] = {header, content};
  return write_whole_file(path_of(key), parts);
}

Status ContentStore::remove(const DigestBytes& key) const {
  const std::string path = path_of(key);
  if (::unlink(path.c_str()) == 0 || errno == ENOENT) return {};
  return failed_precondition(printable(path) + " cannot be removed: " + std::strerror(errno));
}

void ContentStore::remove_oldest(std::uint64_t room) const {
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
    const bool aside = is_aside(entry->path().filename().string());
    // What somebody else put here is left alone.
    if ((!aside && entry->path().extension() != kind_.suffix) || !entry->is_regular_file(failed)) {
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
    if (total <= kind_.max_bytes) return;
    fs::remove(entry.path, error);
    total -= entry.bytes;
  }
}

}  // namespace muster
