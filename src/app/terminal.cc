// SPDX-License-Identifier: Apache-2.0
#include "app/terminal.h"

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

int fail_with(std::string_view message) {
  put_note(message);
  return kExitFailed;
}

int misuse(const Status& status) {
  put_note(status.message());
  return kExitUsage;
}

}  // namespace muster
