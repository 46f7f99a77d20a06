// SPDX-License-Identifier: Apache-2.0
// SharedMemoryObject: shared memory as a client would make it, gone at its end.
#pragma once

#include <atomic>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace muster::testing {

class SharedMemoryObject {
 public:
  explicit SharedMemoryObject(std::string_view bytes) : key_(next_key()) {
    file_ = ::shm_open(key_.c_str(), O_CREAT | O_EXCL | O_RDWR, 0600);
    overwrite(bytes);
  }
  SharedMemoryObject(const SharedMemoryObject&) = delete;
  SharedMemoryObject& operator=(const SharedMemoryObject&) = delete;
  ~SharedMemoryObject() {
    ::close(file_);
    ::shm_unlink(key_.c_str());
  }

  [[nodiscard]] const std::string& key() const noexcept { return key_; }
  void overwrite(std::string_view bytes) const {
    (void)!::pwrite(file_, bytes.data(), bytes.size(), 0);
  }
  void shrink_to(std::size_t size) const { (void)!::ftruncate(file_, static_cast<off_t>(size)); }
  [[nodiscard]] std::string read(std::size_t size) const {
    std::string bytes(size, '\0');
    (void)!::pread(file_, bytes.data(), size, 0);
    return bytes;
  }

 private:
  static std::string next_key() {
    static std::atomic<int> last{0};
    return "/muster_protocol_test_" + std::to_string(::getpid()) + "_" + std::to_string(++last);
  }

  const std::string key_;
  int file_ = -1;
};

}  // namespace muster::testing
