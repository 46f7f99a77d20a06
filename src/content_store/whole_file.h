// SPDX-License-Identifier: Apache-2.0
// Files that are there whole or not at all, also where the process is killed while it writes them.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include <muster/status.h>

namespace muster {

// How the name of what is written aside ends: "FILE.a1B2c3.new", beside FILE.
inline constexpr std::string_view kAsideSuffix = ".new";

// Writes the parts, one behind the other, aside and moves them into place, where they replace what
// was there. The file is its owner's alone. Errors name the file; then nothing of it is left.
[[nodiscard]] Status write_whole_file(const std::string& path,
                                      std::span<const std::string_view> parts);

}  // namespace muster
