// SPDX-License-Identifier: Apache-2.0
// What the verb `bench` writes to the terminal.
#pragma once

#include <string>
#include <string_view>

#include <muster/status.h>

#include "app/bench/bench_results.h"

namespace muster {

// To stdout, at once: whoever watches sees every row when it is measured.
void put_out(std::string_view text);
// To stderr, behind the program's name, with a line break.
void put_note(std::string_view text);
// "not measured: WHAT". A table is for people: there it stands among the rows, else it is a note.
void put_miss(BenchFormat format, std::string_view what);
// A note as the last words; returns kExitFailed.
[[nodiscard]] int fail_with(std::string_view message);
// The same; returns kExitUsage.
[[nodiscard]] int misuse(const Status& status);

}  // namespace muster
