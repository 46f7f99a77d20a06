// SPDX-License-Identifier: Apache-2.0
#include "app/bench/bench_output.h"

#include <cstdio>

#include <fmt/format.h>

#include "app/verbs.h"

namespace muster {

void put_out(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

void put_note(std::string_view text) {
  fmt::print(stderr, "muster: {}\n", text);
}

void put_miss(BenchFormat format, std::string_view what) {
  const std::string line = "not measured: " + std::string(what);
  if (format == BenchFormat::kTable) return put_out(line + "\n");
  put_note(line);
}

int fail_with(std::string_view message) {
  put_note(message);
  return kExitFailed;
}

int misuse(const Status& status) {
  put_note(status.message());
  return kExitUsage;
}

}  // namespace muster
