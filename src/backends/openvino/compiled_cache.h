// SPDX-License-Identifier: Apache-2.0
// CompiledCache: compiled models kept in a folder of the server's own between runs of it.
//
// An entry's name is the digest of everything that it was made from, and the entry says that itself
// once more, with a digest of its content: what is corrupt, cut short or somebody else's is never
// used. Entries are written aside and moved into place. The folder may be emptied at any time, and
// shared by several servers.
//
//   <digest>.blob = "MUSTEROV" | key 32 | content's digest 32 | content's size 8, little-endian |
//   content
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <muster/status.h>

#include "backends/openvino/digest.h"

namespace muster::openvino {

// The entries of a folder together; the longest unused go first.
inline constexpr std::uint64_t kMaxCacheBytes = std::uint64_t{8} << 30;
// What was written aside and never moved into place, by a process that was killed, goes after this.
inline constexpr std::chrono::hours kStaleAfter{1};

class CompiledCache {
 public:
  // Makes the folder where there is none. Refuses one that others than its owner may write to: what
  // they put there would run here.
  static Result<CompiledCache> open(const std::string& folder,
                                    std::uint64_t max_bytes = kMaxCacheBytes);

  // The content; nothing where there is no entry. An entry that is not what it should be is told of
  // by `fault`, and otherwise as if it were not there.
  [[nodiscard]] std::optional<std::string> find(const DigestBytes& key, std::string& fault) const;
  [[nodiscard]] Status store(const DigestBytes& key, std::string_view content) const;

 private:
  CompiledCache(std::string folder, std::uint64_t max_bytes)
      : folder_(std::move(folder)), max_bytes_(max_bytes) {}
  [[nodiscard]] std::string path_of(const DigestBytes& key) const;
  void remove_oldest(std::uint64_t room) const;

  std::string folder_;
  std::uint64_t max_bytes_;
};

}  // namespace muster::openvino
