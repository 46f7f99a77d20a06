// SPDX-License-Identifier: Apache-2.0
// What `muster build-engine` prints.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include <muster/backend.h>

namespace muster {

// "[####......]  42 %, about 90 s left  Timing graph nodes"; without what is not known.
[[nodiscard]] std::string build_line(const CompileProgress& progress);
// The table of what was made. `cache`: where it is kept where no file was written.
[[nodiscard]] std::string built_table(std::string_view model, std::string_view runtime,
                                      const CompiledFile& built, std::string_view cache);
// The same as one object on a line.
[[nodiscard]] std::string built_json(std::string_view model, std::string_view runtime,
                                     const CompiledFile& built, std::string_view cache);

}  // namespace muster
