// SPDX-License-Identifier: Apache-2.0
// The outline of an IR file (model.xml): how deep it nests, and how much of the weights it wants.
//
// Read before the runtime sees the file: a layer whose weights lie beyond the end of model.bin, or
// whose offset and size overflow, is refused here. Walks tags and attributes alone. Pure; any
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <muster/status.h>

namespace muster::openvino {

inline constexpr std::size_t kMaxIrBytes = std::size_t{1} << 30;
// Elements within elements; each body of a loop or condition takes about five.
inline constexpr std::size_t kMaxIrNesting = 200;

struct IrOutline {
  std::uint64_t weight_bytes = 0;  // up to the end of the last constant
};

// Messages do not name the file; kInvalidArgument where it is no IR.
[[nodiscard]] Result<IrOutline> outline_ir(std::string_view xml);
[[nodiscard]] Result<IrOutline> outline_ir_file(const std::string& path);

}  // namespace muster::openvino
