// SPDX-License-Identifier: Apache-2.0
// What a verb writes to the terminal, and the exit status that goes with it.
#pragma once

#include <string_view>

#include <muster/status.h>

namespace muster {

// To stdout, at once: whoever watches sees every row when it is measured.
void put_out(std::string_view text);
// To stderr, behind the program's name, with a line break.
void put_note(std::string_view text);
// A note as the last words; returns kExitFailed.
[[nodiscard]] int fail_with(std::string_view message);
// The same; returns kExitUsage.
[[nodiscard]] int misuse(const Status& status);

}  // namespace muster
