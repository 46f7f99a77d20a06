// SPDX-License-Identifier: Apache-2.0
// CUDA's error numbers, which driver and runtime share, as far as they decide what is done.
#pragma once

#include <algorithm>
#include <iterator>

#include <muster/backend.h>

namespace muster::onnxruntime {

// kResourceExhausted where memory is out; kBrokenForGood where every further call of the process on
// that GPU fails with the same; else kInternal.
[[nodiscard]] constexpr StatusCode code_of_cuda(int error) noexcept {
  constexpr int kOutOfMemory = 2;
  // ECC, NVLink, contained, external device; illegal address, launch timeout, context destroyed,
  // assert, stack, instruction, misaligned, address space, program counter, launch failure.
  constexpr int kSticky[] = {214, 220, 226, 911, 700, 702, 709, 710, 714, 715, 716, 717, 718, 719};
  if (error == kOutOfMemory) return StatusCode::kResourceExhausted;
  return std::find(std::begin(kSticky), std::end(kSticky), error) != std::end(kSticky)
             ? kBrokenForGood
             : StatusCode::kInternal;
}

}  // namespace muster::onnxruntime
