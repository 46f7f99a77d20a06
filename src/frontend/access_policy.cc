// SPDX-License-Identifier: Apache-2.0
#include "frontend/access_policy.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

namespace muster {
namespace {

constexpr std::size_t kMaxTokenFileBytes = std::size_t{1} << 20;
constexpr std::size_t kMaxTokens = 1024;

constexpr std::uint8_t bit(Right right) {
  return static_cast<std::uint8_t>(1U << static_cast<unsigned>(right));
}

std::string_view right_name(Right right) {
  switch (right) {
    case Right::kHealth:
      return "health";
    case Right::kInfer:
      return "infer";
    case Right::kMetrics:
      return "metrics";
    case Right::kAdmin:
      return "admin";
  }
  return "";
}

// The first word of `line`, which is cut off it together with the blanks around.
std::string_view take_word(std::string_view& line) {
  constexpr std::string_view kBlanks = " \t\r";
  line.remove_prefix(std::min(line.find_first_not_of(kBlanks), line.size()));
  const std::string_view word = line.substr(0, line.find_first_of(kBlanks));
  line.remove_prefix(word.size());
  line.remove_prefix(std::min(line.find_first_not_of(kBlanks), line.size()));
  return word;
}

std::optional<std::uint8_t> parse_rights(std::string_view list) {
  std::uint8_t rights = 0;
  while (true) {
    const std::string_view name = list.substr(0, list.find(','));
    std::uint8_t named = 0;
    for (const Right right : {Right::kInfer, Right::kMetrics, Right::kAdmin})
      if (name == right_name(right)) named = bit(right);
    if (named == 0) return std::nullopt;
    rights |= named;
    if (name.size() == list.size()) return rights;
    list.remove_prefix(name.size() + 1);
  }
}

bool is_token_text(std::string_view text) {
  for (const char letter : text)
    if (letter <= ' ' || letter > '~') return false;
  return true;
}

// Takes as long for a wrong first byte as for a wrong last one; only the length of what was sent
// shows, which its sender knows. `secret` has at least kMaxTokenBytes bytes.
bool equals_in_constant_time(std::string_view sent, std::string_view secret, std::size_t length) {
  std::size_t difference = sent.size() ^ length;
  for (std::size_t i = 0; i < sent.size(); ++i)
    difference |= static_cast<unsigned char>(sent[i] ^ secret[i]);
  return difference == 0;
}

class OpenFile {
 public:
  explicit OpenFile(const char* path) : file_(::open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  ~OpenFile() {
    if (file_ >= 0) ::close(file_);
  }
  [[nodiscard]] int get() const { return file_; }

 private:
  const int file_;
};

Result<std::string> read_token_file(const std::string& path, const std::string& shown) {
  const OpenFile file(path.c_str());
  struct stat found = {};
  if (file.get() < 0 || ::fstat(file.get(), &found) != 0) {
    return invalid_argument("the token file " + shown + " cannot be read: " + std::strerror(errno));
  }
  if (!S_ISREG(found.st_mode)) return invalid_argument("the token file " + shown + " is no file");
  if ((found.st_mode & (S_IRWXO | S_IWGRP)) != 0) {
    return invalid_argument("the token file " + shown +
                            " is open to others; take their permissions away: chmod 600");
  }
  std::string text(kMaxTokenFileBytes + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = ::read(file.get(), text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      return invalid_argument("the token file " + shown +
                              " cannot be read: " + std::strerror(errno));
    }
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  if (size > kMaxTokenFileBytes) {
    return invalid_argument("the token file " + shown + " has more than " +
                            std::to_string(kMaxTokenFileBytes) + " bytes");
  }
  text.resize(size);
  return text;
}

}  // namespace

Result<AccessPolicy> AccessPolicy::from_file(const std::string& path) {
  const std::string shown = printable(path, 4096);
  MUSTER_ASSIGN_OR_RETURN(const std::string text, read_token_file(path, shown));
  return parse(text, shown);
}

Result<AccessPolicy> AccessPolicy::parse(std::string_view text, const std::string& file) {
  AccessPolicy policy;
  std::size_t line_number = 0;
  // No message shows a word of the file: where words are mixed up, any of them may be the token.
  const auto wrong = [&](const std::string& what) {
    return invalid_argument(file + ":" + std::to_string(line_number) + ": " + what);
  };
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    ++line_number;
    const std::string_view rights_list = take_word(line);
    if (rights_list.empty() || rights_list.starts_with('#')) continue;
    const auto rights = parse_rights(rights_list);
    if (!rights)
      return wrong(
          "a line begins with its rights, of infer, metrics and admin: \"infer,metrics TOKEN\"");
    const std::string_view secret = take_word(line);
    if (secret.size() < kMinTokenBytes || secret.size() > kMaxTokenBytes ||
        !is_token_text(secret)) {
      return wrong("a token has " + std::to_string(kMinTokenBytes) + " to " +
                   std::to_string(kMaxTokenBytes) + " visible ASCII characters");
    }
    if (!line.empty() && !line.starts_with('#')) return wrong("there is more behind the token");
    if (policy.tokens_.size() == kMaxTokens) {
      return wrong("more than " + std::to_string(kMaxTokens) + " tokens");
    }
    Token token{std::string(secret), secret.size(), *rights};
    token.secret.resize(kMaxTokenBytes, '\0');
    for (const Token& earlier : policy.tokens_)
      if (earlier.secret == token.secret) return wrong("this token was given before");
    policy.tokens_.push_back(std::move(token));
  }
  // An empty list would mean that nobody is asked for a token.
  if (policy.tokens_.empty()) return invalid_argument(file + " has no token in it");
  return policy;
}

Status AccessPolicy::check(Right right, const Caller& caller) const {
  if (right == Right::kHealth) return {};
  if (tokens_.empty()) {
    if (right != Right::kAdmin || caller.listener_is_loopback) return {};
    return {
        StatusCode::kPermissionDenied,
        "beyond loopback this needs a token with the right admin, and the server has no tokens"};
  }
  if (caller.bearer_token.empty()) {
    return {StatusCode::kUnauthenticated, "a bearer token is needed"};
  }
  bool known = false;
  std::uint8_t rights = 0;
  if (caller.bearer_token.size() <= kMaxTokenBytes) {
    for (const Token& token : tokens_) {
      const bool same = equals_in_constant_time(caller.bearer_token, token.secret, token.length);
      known |= same;
      rights = static_cast<std::uint8_t>(rights | (same ? token.rights : 0U));
    }
  }
  if (!known) return {StatusCode::kUnauthenticated, "the bearer token is not known"};
  if ((rights & bit(right)) != 0) return {};
  return {StatusCode::kPermissionDenied,
          "the bearer token does not have the right " + std::string(right_name(right))};
}

}  // namespace muster
