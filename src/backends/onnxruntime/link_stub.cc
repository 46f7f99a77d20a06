// SPDX-License-Identifier: Apache-2.0
// What the backend's library is linked to in the place of ONNX Runtime (CMakeLists.txt says why).
// Never loaded, never installed.

extern "C" __attribute__((visibility("default"))) const void* OrtGetApiBase();

const void* OrtGetApiBase() {
  return nullptr;
}
