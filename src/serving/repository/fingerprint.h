// SPDX-License-Identifier: Apache-2.0
// Fingerprint: one number for the files of a folder as they are now, to see that they have changed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace muster {

// Files that are looked at; what is beyond changes nothing.
inline constexpr std::size_t kMaxFingerprintFiles = 65536;
inline constexpr int kMaxFingerprintDepth = 16;  // folders in folders

enum class FingerprintExtent : std::uint8_t { kFilesOnly, kWithFolders };

// Of every file's name, size, time of change and identity; contents are not read. Links to files
// are followed, links to folders are not. Never 0. A folder that cannot be read is an empty one.
[[nodiscard]] std::uint64_t fingerprint(const std::string& folder, FingerprintExtent extent);
// Of two fingerprints, or of one and a number.
[[nodiscard]] std::uint64_t combined(std::uint64_t a, std::uint64_t b) noexcept;

}  // namespace muster
