// SPDX-License-Identifier: Apache-2.0
// Protobuf's complaints about a text, retold for the person who wrote it.
#pragma once

#include <string>
#include <string_view>

namespace muster {

struct SyntaxError {
  int line = 0;  // counted from 1
  std::string text;
};

// `line` and `column` count from 0 and say where the parser stood, which may be behind the fault.
[[nodiscard]] SyntaxError explain_syntax_error(std::string_view text, int line, int column,
                                               std::string_view message);

}  // namespace muster
