// SPDX-License-Identifier: Apache-2.0
// AccessPolicy: who may do what. The one place that both transports, the metrics listener and
// reflection ask, before anything else is looked at.
//
// Immutable once made; any thread. Tokens are compared in constant time and never printed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <muster/status.h>

namespace muster {

enum class Right : std::uint8_t {
  kHealth,   // live and ready: always granted
  kInfer,    // inference, metadata, configuration, explanations, statistics, index
  kMetrics,  // the exposition
  kAdmin,    // load, unload, shared memory regions and naming them, changing settings
};

// How a call came in. A Unix-domain socket counts as loopback: its file's permissions guard it.
struct Caller {
  std::string_view bearer_token = {};  // "" = none was sent
  bool listener_is_loopback = true;    // the address that the listener was bound to, not the peer's
};

class AccessPolicy {
 public:
  // Without tokens: kInfer and kMetrics are granted to all, kAdmin on loopback listeners alone.
  AccessPolicy() = default;
  static constexpr std::size_t kMinTokenBytes = 16;
  static constexpr std::size_t kMaxTokenBytes = 512;

  // A token file: one token a line, "RIGHT[,RIGHT...] TOKEN" with the rights infer, metrics, admin;
  // '#' begins a comment. No right includes another. With tokens, every right but kHealth needs one
  // that has it, on every listener. Errors name file and line, never a token; a file that others
  // may read is refused.
  [[nodiscard]] static Result<AccessPolicy> from_file(const std::string& path);
  [[nodiscard]] static Result<AccessPolicy> parse(std::string_view text, const std::string& file);

  // Ok, kUnauthenticated (a token is needed or unknown) or kPermissionDenied (it has other rights,
  // or the listener is beyond loopback and there are no tokens).
  [[nodiscard]] Status check(Right right, const Caller& caller) const;

 private:
  struct Token {
    std::string secret;  // filled up to kMaxTokenBytes
    std::size_t length = 0;
    std::uint8_t rights = 0;  // bit by Right
  };
  std::vector<Token> tokens_;
};

}  // namespace muster
