// SPDX-License-Identifier: Apache-2.0
#include "app/advise/replace_file.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bounded_file.h"
#include "base/descriptor.h"
#include "base/text.h"

namespace muster {
namespace {

namespace fs = std::filesystem;

constexpr int kMostBackups = 1000;
constexpr mode_t kUsualMode = 0644;

Status failed(const std::string& path, std::string_view what) {
  return failed_precondition(printable(path, 4096) + " " + std::string(what) + ": " +
                             std::generic_category().message(errno));
}

std::string folder_of(const std::string& path) {
  const std::string folder = fs::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

// Gone with it, unless it was moved away.
class TemporaryFile {
 public:
  explicit TemporaryFile(std::string name) : name_(std::move(name)) {}
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() { ::unlink(name_.c_str()); }
  [[nodiscard]] const char* name() const noexcept { return name_.c_str(); }

 private:
  const std::string name_;
};

Status write_whole(int file, const std::string& name, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(file, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return failed(name, "cannot be written");
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return ::fsync(file) == 0 ? Status() : failed(name, "cannot be written");
}

// A file that was not there. `mode` 0: the usual one, cut by the process's umask.
Status write_new(const std::string& name, std::string_view text, mode_t mode) {
  Descriptor file(
      ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kUsualMode));
  if (!file.is_open()) return failed(name, "cannot be made");
  if (mode != 0 && ::fchmod(file.get(), mode) != 0) return failed(name, "cannot get its rights");
  return write_whole(file.get(), name, text);
}

// The old file gets a second name, which costs no copy; where a file system has no such names, a
// copy.
Result<std::string> keep_old(const std::string& path, const std::string& text, mode_t mode) {
  for (int number = 1; number <= kMostBackups; ++number) {
    std::string name = path + ".bak" + (number == 1 ? "" : "." + std::to_string(number));
    if (::link(path.c_str(), name.c_str()) == 0) return name;
    if (errno == EEXIST) continue;
    if (const Status copied = write_new(name, text, mode); copied.ok()) return name;
    if (errno != EEXIST) return failed(name, "cannot be made");
  }
  return resource_exhausted(printable(path, 4096) + " has " + std::to_string(kMostBackups) +
                            " back-ups; remove some");
}

// So that the new name outlives a loss of power. What a file system cannot do is no failure.
void keep_names(const std::string& folder) {
  const Descriptor descriptor(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (descriptor.is_open()) (void)::fsync(descriptor.get());
}

Status has_changed(const std::string& path) {
  return {StatusCode::kAborted,
          printable(path, 4096) + " has been changed meanwhile; nothing was written"};
}

Status move_to_new_name(const char* temporary, const std::string& path) {
  if (::link(temporary, path.c_str()) == 0) return {};
  if (errno == EEXIST) return has_changed(path);
  return std::rename(temporary, path.c_str()) == 0 ? Status() : failed(path, "cannot be written");
}

}  // namespace

Status check_replaceable(const std::string& path) {
  std::error_code error;
  const fs::file_status status = fs::symlink_status(path, error);
  if (fs::is_symlink(status)) {
    return failed_precondition(
        printable(path, 4096) +
        " is a link: others may use what it leads to, so that it is not written to");
  }
  if (fs::exists(status) && !fs::is_regular_file(status))
    return failed_precondition(printable(path, 4096) + " is no regular file");
  const std::string folder = folder_of(path);
  if (::access(folder.c_str(), W_OK | X_OK) != 0) return failed(folder, "cannot be written to");
  return {};
}

Result<std::string> replace_file(const std::string& path, const std::optional<std::string>& before,
                                 std::string_view text) {
  MUSTER_RETURN_IF_ERROR(check_replaceable(path));
  struct stat old {};
  const bool there = ::lstat(path.c_str(), &old) == 0;
  if (there != before.has_value()) return has_changed(path);
  if (there) {
    // A larger file is another one in any case.
    const auto now = read_bounded(path, before->size() + 1);
    if (!now.ok() || *now != *before) return has_changed(path);
  }
  const mode_t mode = there ? old.st_mode & 07777 : 0;
  const TemporaryFile temporary(path + ".new." + std::to_string(::getpid()));
  MUSTER_RETURN_IF_ERROR(write_new(temporary.name(), text, mode));
  std::string backup;
  if (there) {
    MUSTER_ASSIGN_OR_RETURN(backup, keep_old(path, *before, mode));
    if (std::rename(temporary.name(), path.c_str()) != 0) {
      const Status failure = failed(path, "cannot be written");
      ::unlink(backup.c_str());
      return failure;
    }
  } else {
    MUSTER_RETURN_IF_ERROR(move_to_new_name(temporary.name(), path));
  }
  keep_names(folder_of(path));
  return backup;
}

}  // namespace muster
