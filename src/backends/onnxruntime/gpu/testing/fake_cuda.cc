// SPDX-License-Identifier: Apache-2.0
// The calls of libcuda.so.1 that cuda_driver.cc makes, see fake_cuda.h. One thread at a time.
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <utility>
#include <vector>

namespace {

constexpr int kOutOfMemory = 2;
constexpr int kNoSuchDevice = 101;

struct Copy {
  void* to;
  const void* from;
  std::size_t size;
};

int failure = 0;
std::size_t room = 0;
std::size_t used = 0;
std::map<void*, std::size_t> blocks;
std::vector<Copy> copies;
thread_local int capture_mode = 0;  // global

int allocate(void** memory, std::size_t size) {
  if (failure != 0) return failure;
  if (size > room - used) return kOutOfMemory;
  *memory = std::malloc(size);
  blocks[*memory] = size;
  used += size;
  return 0;
}

int give_back(void* memory) {
  const auto block = blocks.find(memory);
  if (block == blocks.end()) return 1;
  used -= block->second;
  std::free(memory);
  blocks.erase(block);
  return 0;
}

int copy(void* to, const void* from, std::size_t size) {
  if (failure == 0) copies.push_back({to, from, size});
  return failure;
}

}  // namespace

#define FAKE extern "C" __attribute__((visibility("default")))

FAKE void fake_cuda_fail(int error) {
  failure = error;
}
FAKE void fake_cuda_have(std::size_t bytes) {
  room = bytes;
}
FAKE std::size_t fake_cuda_used() {
  return used;
}

FAKE int fake_cuda_capture_mode() {
  return capture_mode;
}

FAKE int cuInit(unsigned int) {
  return failure;
}
FAKE int cuDriverGetVersion(int* version) {
  *version = 13000;
  return failure;
}
FAKE int cuDeviceGet(int* device, int number) {
  *device = number;
  return number == 0 ? failure : kNoSuchDevice;
}
FAKE int cuDeviceGetName(char* name, int size, int) {
  std::snprintf(name, static_cast<std::size_t>(size), "Fake GPU");
  return failure;
}
FAKE int cuDeviceGetAttribute(int* value, int attribute, int) {
  *value = attribute == 75 ? 9 : 0;
  return failure;
}
FAKE int cuDevicePrimaryCtxRetain(void** context, int) {
  *context = &failure;
  return failure;
}
FAKE int cuDevicePrimaryCtxRelease_v2(int) {
  return 0;
}
// As the real one: a context that is broken can be chosen.
FAKE int cuCtxSetCurrent(void*) {
  return 0;
}
FAKE int cuMemAlloc_v2(unsigned long long* address, std::size_t size) {
  void* memory = nullptr;
  const int error = allocate(&memory, size);
  *address = reinterpret_cast<unsigned long long>(memory);
  return error;
}
FAKE int cuMemFree_v2(unsigned long long address) {
  return give_back(reinterpret_cast<void*>(address));
}
FAKE int cuMemHostAlloc(void** memory, std::size_t size, unsigned int) {
  return allocate(memory, size);
}
FAKE int cuMemFreeHost(void* memory) {
  return give_back(memory);
}
FAKE int cuMemGetInfo_v2(std::size_t* free, std::size_t* total) {
  *free = room - used;
  *total = room;
  return failure;
}
FAKE int cuStreamCreate(void** stream, unsigned int) {
  *stream = &copies;
  return failure;
}
FAKE int cuStreamDestroy_v2(void*) {
  return 0;
}
FAKE int cuStreamSynchronize(void*) {
  if (failure != 0) return failure;
  for (const Copy& one : copies)
    std::memcpy(one.to, one.from, one.size);
  copies.clear();
  return 0;
}
FAKE int cuMemcpyHtoDAsync_v2(unsigned long long to, const void* from, std::size_t size, void*) {
  return copy(reinterpret_cast<void*>(to), from, size);
}
FAKE int cuMemcpyDtoHAsync_v2(void* to, unsigned long long from, std::size_t size, void*) {
  return copy(to, reinterpret_cast<const void*>(from), size);
}
FAKE int cuThreadExchangeStreamCaptureMode(int* mode) {
  std::swap(capture_mode, *mode);
  return 0;
}
FAKE int cuGetErrorString(int error, const char** text) {
  *text = error == kOutOfMemory ? "out of memory" : "an error of the fake";
  return 0;
}
