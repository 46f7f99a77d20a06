// SPDX-License-Identifier: Apache-2.0
#include "app/bench/bench_output.h"

#include <string>

#include "app/terminal.h"

namespace muster {

void put_miss(BenchFormat format, std::string_view what) {
  const std::string line = "not measured: " + std::string(what);
  if (format == BenchFormat::kTable) return put_out(line + "\n");
  put_note(line);
}

}  // namespace muster
