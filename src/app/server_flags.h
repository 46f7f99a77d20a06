// SPDX-License-Identifier: Apache-2.0
// The flags of every verb that asks a running server: as whom, and for how long.
#pragma once

#include <string>
#include <string_view>

#include "client/server_call.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace muster {

struct ServerFlags {
  std::string token_file;  // "" = none
  double timeout_seconds = 30;
};

inline constexpr double kMostTimeoutSeconds = 3600;

// Adds --token-file and --timeout-seconds, which mean something with the flag `url` alone; null:
// always.
void add_server_flags(CLI::App& verb, ServerFlags& flags, CLI::Option* url);

// A token as a file holds it, with space around. kInvalidArgument: there is none, or it is no
// token.
[[nodiscard]] Result<std::string> read_bearer_token(const std::string& file);
// The server at `url`, which came by the flag `flag`. Errors (kInvalidArgument) name what is wrong.
[[nodiscard]] Result<ServerAccess> parse_server_access(std::string_view flag, std::string_view url,
                                                       const ServerFlags& flags);

}  // namespace muster
