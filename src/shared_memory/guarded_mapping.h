// SPDX-License-Identifier: Apache-2.0
// GuardedMapping: a part of another process's file, mapped. Its owner can take pages away at any
// moment; a copy from or to one that is gone fails instead of ending this process.
//
// Linux sends SIGBUS to the thread that touches such a page. The first mapping installs a handler
// for the whole process, which leads a copy of ours back to its beginning and passes every other
// SIGBUS to whatever handled it before.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace muster {

class GuardedMapping {
 public:
  // `size` bytes from `offset` on, of a file open for both, which may be closed afterwards. Null:
  // the system gives no room for it.
  [[nodiscard]] static std::unique_ptr<GuardedMapping> of(int file, std::uint64_t offset,
                                                          std::size_t size);
  GuardedMapping(const GuardedMapping&) = delete;
  GuardedMapping& operator=(const GuardedMapping&) = delete;
  ~GuardedMapping();

  // From byte `from` on, and from byte `at` on; the caller keeps within size(). Any thread, also
  // several at once. False: some page is gone, and any part was copied. Of a last page that was cut
  // the rest reads as zeros and forgets what is written: only the file's size tells.
  [[nodiscard]] bool read(std::span<std::byte> into, std::size_t from) const noexcept;
  [[nodiscard]] bool write(std::span<const std::byte> bytes, std::size_t at) const noexcept;

  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  GuardedMapping(void* start, std::size_t skipped, std::size_t size) noexcept
      : start_(start), skipped_(skipped), size_(size) {}

  [[nodiscard]] std::byte* byte_at(std::size_t index) const noexcept {
    return static_cast<std::byte*>(start_) + skipped_ + index;
  }

  void* const start_;
  const std::size_t skipped_;  // from the page's beginning to the first byte
  const std::size_t size_;
};

}  // namespace muster
