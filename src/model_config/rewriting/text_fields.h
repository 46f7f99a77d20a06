// SPDX-License-Identifier: Apache-2.0
// Where the fields of a configuration's text stand, so that one can be changed and all around it,
// comments included, stays as somebody wrote it.
//
// For texts that protobuf has read. What this reader takes otherwise than protobuf does shows when
// the result is read again: rewrite_config compares.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace muster {

// Offsets in the text; an end is behind the last byte.
struct TextRange {
  std::size_t begin = 0;
  std::size_t end = 0;
};

struct TextField {
  std::string name;
  TextRange whole;  // with a separator behind it
  TextRange value;  // with its braces
};

// The fields of one message, in order, without those of messages in it.
[[nodiscard]] std::vector<TextField> fields_in(std::string_view text, TextRange message);
// What is between the braces of each message of a field: one of "x { }", any of "x [ { }, { } ]",
// none of a scalar.
[[nodiscard]] std::vector<TextRange> messages_of(std::string_view text, const TextField& field);

// With the field's lines where nothing else stands on them, but for a comment behind it.
void erase_field(std::string& text, const TextField& field);
void append_line(std::string& text, std::string_view line);

}  // namespace muster
