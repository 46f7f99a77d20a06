// SPDX-License-Identifier: Apache-2.0
// What the verb `bench` writes to the terminal beside its rows.
#pragma once

#include <string_view>

#include "app/bench/bench_results.h"

namespace muster {

// "not measured: WHAT". A table is for people: there it stands among the rows, else it is a note.
void put_miss(BenchFormat format, std::string_view what);

}  // namespace muster
