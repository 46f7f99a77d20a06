// SPDX-License-Identifier: Apache-2.0
#include "app/server_flags.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <fstream>
#include <string_view>
#include <utility>

#include <CLI/CLI.hpp>

#include "base/text.h"

namespace muster {
namespace {

constexpr std::size_t kMostTokenBytes = 4096;

}  // namespace

void add_server_flags(CLI::App& verb, ServerFlags& flags, CLI::Option* url) {
  CLI::Option* const token =
      verb.add_option("--token-file", flags.token_file, "A bearer token for the server")
          ->type_name("FILE");
  CLI::Option* const timeout = verb.add_option("--timeout-seconds", flags.timeout_seconds,
                                               "After which a request to the server has failed")
                                   ->check(CLI::Range(0.001, kMostTimeoutSeconds))
                                   ->type_name("S")
                                   ->capture_default_str();
  if (url == nullptr) return;
  token->needs(url);
  timeout->needs(url);
}

Result<std::string> read_bearer_token(const std::string& file) {
  const std::string shown = "the token file " + printable(file, 4096);
  std::ifstream stream(file, std::ios::binary);
  std::array<char, kMostTokenBytes + 1> bytes{};
  stream.read(bytes.data(), bytes.size());
  if (stream.bad() || (stream.fail() && !stream.eof()))
    return invalid_argument(shown + " cannot be read");
  std::string_view text(bytes.data(), static_cast<std::size_t>(stream.gcount()));
  if (text.size() > kMostTokenBytes)
    return invalid_argument(shown + " has more than " + std::to_string(kMostTokenBytes) + " bytes");
  const std::size_t begin = std::min(text.find_first_not_of(" \t\r\n"), text.size());
  text = text.substr(begin, text.find_last_not_of(" \t\r\n") + 1 - begin);
  const bool visible = std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; });
  // Its bytes are not shown: they may be the token all the same.
  if (text.empty() || !visible)
    return invalid_argument(shown + " has to hold the token alone, in visible ASCII characters");
  return std::string(text);
}

Result<ServerAccess> parse_server_access(std::string_view flag, std::string_view url,
                                         const ServerFlags& flags) {
  ServerAccess server;
  auto address = parse_server_url(url);
  if (!address.ok()) return address.status().with_context(flag);
  server.address = *std::move(address);
  if (!flags.token_file.empty()) {
    MUSTER_ASSIGN_OR_RETURN(server.bearer_token, read_bearer_token(flags.token_file));
  }
  server.limit = std::chrono::duration_cast<Clock::Duration>(
      std::chrono::duration<double>(flags.timeout_seconds));
  return server;
}

}  // namespace muster
