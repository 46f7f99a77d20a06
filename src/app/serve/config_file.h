// SPDX-License-Identifier: Apache-2.0
// The server's configuration file: a small part of TOML, read strictly.
//
//   # comment
//   http-port = 8000
//   models = ["/srv/models", '/srv/more models']   # lists may go over several lines
//   strict-readiness = true
//
// One key a line; strings, numbers, true and false, and lists of them. Sections, dates and nesting
// are refused: a file that means more than was read would be worse than none.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <muster/status.h>

namespace muster {

inline constexpr std::size_t kMaxConfigFileBytes = std::size_t{1} << 20;

struct FileEntry {
  std::string key;
  std::vector<std::string> values;  // one, unless it is a list
  std::size_t line = 0;
};

// kInvalidArgument, "file:line: what".
[[nodiscard]] Result<std::vector<FileEntry>> parse_config_file(std::string_view text,
                                                               const std::string& file);
[[nodiscard]] Result<std::vector<FileEntry>> read_config_file(const std::string& path);

}  // namespace muster
