// SPDX-License-Identifier: Apache-2.0
// One GET from a server, on a connection of its own.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include <muster/status.h>

namespace muster {

inline constexpr std::size_t kMaxReplyBytes = std::size_t{1} << 20;

// The body of a reply of 200 to `path` ("/v2/..."), asked of "http://HOST[:PORT]" (port 80 where
// there is none). `limit`: for each wait. Errors name the URL and what the server said.
[[nodiscard]] Result<std::string> http_get(const std::string& url, std::string_view path,
                                           std::string_view bearer_token,
                                           std::chrono::milliseconds limit);

}  // namespace muster
