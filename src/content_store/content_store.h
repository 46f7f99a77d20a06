// SPDX-License-Identifier: Apache-2.0
// ContentStore: what backends compiled, kept in a folder of the server's own between runs of it.
//
// An entry's name is the digest of everything that it was made from, and the entry says that itself
// once more, with a digest of its content: what is corrupt, cut short or somebody else's is never
// used. Entries are written aside and moved into place. The folder may be emptied at any time, and
// shared by several servers and kinds of entries. Any thread.
//
//   <digest><suffix> = magic 8 | key 32 | content's digest 32 | content's size 8, little-endian |
//   content
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <muster/status.h>

#include "content_store/digest.h"

namespace muster {

// What tells one kind of entries from another in the same folder.
struct EntryKind {
  std::string_view magic;   // 8 bytes
  std::string_view suffix;  // ".blob"
  // Of this kind's entries together; the longest unused go first.
  std::uint64_t max_bytes = std::uint64_t{8} << 30;
};

// What was written aside and never moved into place, by a process that was killed, goes after this.
inline constexpr std::chrono::hours kStaleAfter{1};

class ContentStore {
 public:
  // Makes the folder where there is none. Refuses one that others than its owner may write to: what
  // they put there would run here. `kind`'s texts outlive the store.
  static Result<ContentStore> open(const std::string& folder, const EntryKind& kind);

  // Whether there is an entry of that name that says it is this one; its content is not read.
  [[nodiscard]] bool has(const DigestBytes& key) const;
  // The content; nothing where there is no entry. An entry that is not what it should be is told of
  // by `fault`, and otherwise as if it were not there.
  [[nodiscard]] std::optional<std::string> find(const DigestBytes& key, std::string& fault) const;
  [[nodiscard]] Status store(const DigestBytes& key, std::string_view content) const;
  // Ok where there is none, too.
  [[nodiscard]] Status remove(const DigestBytes& key) const;

 private:
  ContentStore(std::string folder, const EntryKind& kind)
      : folder_(std::move(folder)), kind_(kind) {}
  [[nodiscard]] std::string path_of(const DigestBytes& key) const;
  [[nodiscard]] bool is_aside(const std::string& name) const;
  void remove_oldest(std::uint64_t room) const;

  std::string folder_;
  EntryKind kind_;
};

}  // namespace muster
