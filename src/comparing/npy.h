// SPDX-License-Identifier: Apache-2.0
// NumPy's .npy files as tensors: versions 1 to 3 of the format, little-endian, in C order.
//
// The bytes are hostile until read: the header has a named limit, and shape and type must account
// for exactly the bytes behind it. Pure; any thread.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include <muster/tensor.h>

namespace muster {

inline constexpr std::size_t kMaxNpyHeaderBytes = 65536;
inline constexpr std::size_t kMaxNpyRank = 32;

// Whether it is a .npy file at all, by its first bytes.
[[nodiscard]] bool is_npy(std::string_view bytes) noexcept;

// Booleans, integers, float16 to float64. kInvalidArgument says what is wrong and how NumPy puts it
// right; messages do not name the file.
[[nodiscard]] Result<Tensor> read_npy(std::string_view bytes);

}  // namespace muster
