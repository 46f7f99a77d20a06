// SPDX-License-Identifier: Apache-2.0
#include "app/bench/load_arguments.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <fstream>
#include <string_view>
#include <utility>

#include "base/text.h"

namespace muster {
namespace {

constexpr std::size_t kMostTokenBytes = 4096;

}  // namespace

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

Result<ServerAccess> parse_server_access(const LoadArguments& arguments) {
  ServerAccess server;
  auto address = parse_server_url(arguments.url);
  if (!address.ok()) return address.status().with_context("--url");
  server.address = *std::move(address);
  if (!arguments.token_file.empty()) {
    MUSTER_ASSIGN_OR_RETURN(server.bearer_token, read_bearer_token(arguments.token_file));
  }
  server.limit = std::chrono::duration_cast<Clock::Duration>(
      std::chrono::duration<double>(arguments.timeout_seconds));
  return server;
}

}  // namespace muster
