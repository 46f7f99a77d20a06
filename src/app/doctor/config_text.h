// SPDX-License-Identifier: Apache-2.0
// From what the reader of configurations says to findings: which field, which line, what to do.
#pragma once

#include <string>
#include <string_view>

#include "app/doctor/finding.h"
#include "model_config/model_config.h"

namespace muster {

// The line, from 1, on which a field's name stands, outside of comments and texts; 0 where none
// does.
[[nodiscard]] int line_of_field(std::string_view config_text, std::string_view field);
// The field that a message is about: the one that it begins with, else the first of its line.
[[nodiscard]] std::string field_of(std::string_view message, std::string_view config_text,
                                   int line);

// A message "what; fix" of the configuration's reader or of a backend, taken apart. `otherwise`
// stands for a fix that it does not have.
[[nodiscard]] Finding finding_of(std::string_view message, std::string_view otherwise);

[[nodiscard]] Finding finding_of(const ConfigRemark& remark, const std::string& config_file,
                                 std::string_view config_text);

// "file:12: message" and "file: message" lose what stands in front, which becomes the finding's
// place; other messages are about `otherwise`.
[[nodiscard]] Finding finding_of_failure(std::string_view message, const std::string& config_file,
                                         std::string_view config_text,
                                         const std::string& otherwise);

}  // namespace muster
