// SPDX-License-Identifier: Apache-2.0
#include "tests/gpu/shared_memory_of_another.h"

#include <cstring>
#include <string>
#include <vector>

#include <cuda_runtime_api.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace muster::tensorrt {

int share_memory() {
  void* memory = nullptr;
  cudaIpcMemHandle_t handle{};
  std::vector<unsigned char> bytes(kSharedBytes);
  for (std::size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<unsigned char>(i & 0xff);
  if (cudaMalloc(&memory, kSharedBytes) != cudaSuccess ||
      cudaMemcpy(memory, bytes.data(), bytes.size(), cudaMemcpyHostToDevice) != cudaSuccess ||
      cudaIpcGetMemHandle(&handle, memory) != cudaSuccess) {
    return 1;
  }
  std::array<unsigned char, sizeof(handle)> raw{};
  std::memcpy(raw.data(), &handle, raw.size());
  for (const unsigned char byte : raw)
    std::printf("%02x", byte);
  std::printf("\n");
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  return cudaFree(memory) == cudaSuccess ? 0 : 1;
}

SharingProcess::SharingProcess() {
  std::array<int, 2> in{};
  std::array<int, 2> out{};
  if (::pipe(in.data()) != 0 || ::pipe(out.data()) != 0) return;
  pid_ = ::fork();
  if (pid_ == 0) {
    ::dup2(in[0], STDIN_FILENO);
    ::dup2(out[1], STDOUT_FILENO);
    for (const int end : {in[0], in[1], out[0], out[1]})
      ::close(end);
    ::execl("/proc/self/exe", "other", kShareMemory, static_cast<char*>(nullptr));
    ::_exit(127);
  }
  ::close(in[0]);
  ::close(out[1]);
  input_ = in[1];
  std::string digits;
  std::array<char, 256> part{};
  for (ssize_t got = ::read(out[0], part.data(), part.size()); got > 0;
       got = ::read(out[0], part.data(), part.size())) {
    digits.append(part.data(), static_cast<std::size_t>(got));
    if (digits.size() > 2 * handle_.size()) break;
  }
  ::close(out[0]);
  EXPECT_GE(digits.size(), 2 * handle_.size()) << "the other process shares nothing";
  for (std::size_t i = 0; i < handle_.size() && 2 * i + 1 < digits.size(); ++i)
    handle_[i] = static_cast<std::byte>(std::stoi(digits.substr(2 * i, 2), nullptr, 16));
}

SharingProcess::~SharingProcess() {
  if (input_ >= 0) ::close(input_);
  int status = 0;
  if (pid_ > 0) ::waitpid(pid_, &status, 0);
}

}  // namespace muster::tensorrt
