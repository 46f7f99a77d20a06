// SPDX-License-Identifier: Apache-2.0
#include "serving/memory_foresight.h"

#include <algorithm>
#include <string>

#include <fmt/format.h>

namespace muster {
namespace {

std::string size_text(double bytes) {
  constexpr double kMebibyte = 1 << 20;
  if (bytes < 1024 * kMebibyte) return fmt::format("{:.0f} MiB", bytes / kMebibyte);
  return fmt::format("{:.1f} GiB", bytes / (1024 * kMebibyte));
}

}  // namespace

MemoryForesight::MemoryForesight(ProcessMemory& memory)
    : memory_(memory), resident_before_(memory.resident_bytes()), peak_(memory.peak_bytes()) {}

void MemoryForesight::ran(std::int64_t rows) {
  const auto beyond = [&](std::uint64_t bytes) {
    return bytes > resident_before_ ? bytes - resident_before_ : 0;
  };
  held_ = beyond(memory_.resident_bytes());
  growth_ = std::max(growth_, held_);
  // What was given back at once is seen where it was more than ever before.
  if (const std::uint64_t peak = memory_.peak_bytes(); peak > peak_) {
    peak_ = peak;
    growth_ = std::max(growth_, beyond(peak));
  }
  rows_ = std::max(rows_, rows);
}

Status MemoryForesight::check(std::int64_t rows) const {
  if (rows <= rows_ || rows_ == 0) return {};
  const auto growth = static_cast<double>(growth_);
  const double all = growth / static_cast<double>(rows_) * static_cast<double>(rows);
  const double more = (all - static_cast<double>(held_)) * kForesightMargin;
  if (more <= static_cast<double>(kTrivialBytes)) return {};
  const auto available = static_cast<double>(memory_.available_bytes());
  if (more <= available) return {};
  return resource_exhausted(fmt::format(
      "a batch of {} rows is foreseen to take {} more memory ({} took {}), and {} are available; "
      "set max_batch_size to {}, or give it more memory",
      rows, size_text(more), rows_ == 1 ? "one row" : fmt::format("{}", rows_), size_text(growth),
      size_text(available), rows_ == 1 ? "1" : fmt::format("{} or less", rows_)));
}

}  // namespace muster
