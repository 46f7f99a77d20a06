// SPDX-License-Identifier: Apache-2.0
#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <muster/image.h>

namespace muster {
namespace {

class FileDescriptor {
 public:
  explicit FileDescriptor(int number) : number_(number) {}
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  ~FileDescriptor() {
    if (number_ >= 0) close(number_);
  }
  [[nodiscard]] int number() const { return number_; }

 private:
  int number_;
};

Status system_failure(const char* what, int error) {
  std::string message = fmt::format("cannot {}: {}", what, std::generic_category().message(error));
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return not_found(std::move(message));
    case EACCES:
    case EPERM:
      return {StatusCode::kPermissionDenied, std::move(message)};
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      return resource_exhausted(std::move(message));
    case ELOOP:
    case ENAMETOOLONG:
    case ENXIO:
      return invalid_argument(std::move(message));
    default:
      return unavailable(std::move(message));
  }
}

const char* kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "a folder";
  if (S_ISFIFO(mode)) return "a pipe";
  if (S_ISCHR(mode) || S_ISBLK(mode)) return "a device";
  return "no regular file";
}

Status fill(int descriptor, std::span<std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = read(descriptor, bytes.data(), bytes.size());
    if (count < 0) {
      if (errno == EINTR) continue;
      return system_failure("read", errno);
    }
    if (count == 0) return unavailable("the file became shorter while it was read; try again");
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return {};
}

}  // namespace

Result<Buffer> read_picture_file(const std::string& path, const PictureLimits& limits) {
  // Opening a pipe would otherwise wait for its writer.
  const FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (file.number() < 0) return system_failure("open", errno);
  struct stat status = {};
  if (fstat(file.number(), &status) != 0) return system_failure("look at it", errno);
  if (!S_ISREG(status.st_mode))
    return invalid_argument(fmt::format("is {}, expected a picture file", kind_of(status.st_mode)));
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size == 0) return invalid_argument("the file is empty, expected a PNG or JPEG picture");
  if (size > limits.max_file_bytes)
    return resource_exhausted(
        fmt::format("file of {} bytes is over the limit of {} "
                    "(max_file_bytes)",
                    size, limits.max_file_bytes));
  MUSTER_ASSIGN_OR_RETURN(Buffer buffer, Buffer::allocate(size));
  MUSTER_RETURN_IF_ERROR(fill(file.number(), buffer.bytes()));
  return buffer;
}

}  // namespace muster
