// SPDX-License-Identifier: Apache-2.0
// A file that somebody wrote, replaced in one step: whoever reads it sees the old text or the new.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <muster/status.h>

namespace muster {

// Whether replace_file could do it now, as far as can be told without doing it. Errors name the
// file and the reason: its folder cannot be written to, it is a link, it is no regular file.
[[nodiscard]] Status check_replaceable(const std::string& path);

// Writes `text` to a file beside `path`, down to the disk, and moves it there. `before`: what must
// still be in the file, as the caller has read it; nothing = there must be no file. kAborted where
// somebody has changed it meanwhile. What was there is kept as "PATH.bak", or "PATH.bak.2" and so
// on where that is taken: nothing is ever written over. Gives the name of what was kept, "" where
// there was no file. On any error everything is as it was.
[[nodiscard]] Result<std::string> replace_file(const std::string& path,
                                               const std::optional<std::string>& before,
                                               std::string_view text);

}  // namespace muster
