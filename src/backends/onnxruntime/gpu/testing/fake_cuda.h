// SPDX-License-Identifier: Apache-2.0
// A driver of NVIDIA's that plays: one GPU whose memory is the host's. Copies happen when they are
// waited for, not before.
#pragma once

#include <cstddef>
#include <string>

#include <dlfcn.h>
#include <gtest/gtest.h>

namespace muster::onnxruntime {

inline constexpr const char* kFakeCuda = MUSTER_TEST_FAKE_CUDA;

// What the tests tell it. The library is one in a process: each test begins with a new one of
// these.
class FakeCuda {
 public:
  FakeCuda() : library_(dlopen(kFakeCuda, RTLD_NOW | RTLD_LOCAL)) {
    EXPECT_NE(library_, nullptr) << dlerror();
    reset();
  }
  FakeCuda(const FakeCuda&) = delete;
  FakeCuda& operator=(const FakeCuda&) = delete;
  ~FakeCuda() { reset(); }

  // Every call but those that free fails with it; 0 = none does.
  void fail_with(int error) const { call<void (*)(int)>("fake_cuda_fail")(error); }
  // Of device and pinned memory together.
  void have_bytes(std::size_t bytes) const { call<void (*)(std::size_t)>("fake_cuda_have")(bytes); }
  [[nodiscard]] std::size_t used_bytes() const {
    return call<std::size_t (*)()>("fake_cuda_used")();
  }

  // Of the calling thread: 0 global, 1 of this thread alone, 2 relaxed.
  [[nodiscard]] int capture_mode() const { return call<int (*)()>("fake_cuda_capture_mode")(); }
  void set_capture_mode(int mode) const {
    call<int (*)(int*)>("cuThreadExchangeStreamCaptureMode")(&mode);
  }

 private:
  void reset() const {
    fail_with(0);
    have_bytes(std::size_t{1} << 30);
  }
  template <typename Function>
  [[nodiscard]] Function call(const char* name) const {
    return reinterpret_cast<Function>(dlsym(library_, name));
  }

  void* const library_;
};

}  // namespace muster::onnxruntime
