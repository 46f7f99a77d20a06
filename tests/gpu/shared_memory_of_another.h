// SPDX-License-Identifier: Apache-2.0
// Memory of the GPU that another process has and shares: this same program, started with a word.
#pragma once

#include <array>
#include <cstddef>
#include <cstdio>

namespace muster::tensorrt {

inline constexpr const char* kShareMemory = "--share-memory";
inline constexpr std::size_t kSharedBytes = std::size_t{4} << 20;

// In the other process: makes the memory, filled with 0, 1, 2 ... 255, 0 ..., writes its handle in
// hexadecimal digits, and keeps it until its input ends. Its exit status.
int share_memory();

// The other process and its handle.
class SharingProcess {
 public:
  SharingProcess();
  SharingProcess(const SharingProcess&) = delete;
  SharingProcess& operator=(const SharingProcess&) = delete;
  ~SharingProcess();
  [[nodiscard]] const std::array<std::byte, 64>& handle() const { return handle_; }

 private:
  int input_ = -1;
  int pid_ = -1;
  std::array<std::byte, 64> handle_{};
};

}  // namespace muster::tensorrt
