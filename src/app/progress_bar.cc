// SPDX-License-Identifier: Apache-2.0
#include "app/progress_bar.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <unistd.h>

namespace muster {

std::string progress_line(std::size_t done, std::size_t total,
                          std::chrono::steady_clock::duration elapsed) {
  constexpr std::size_t kWidth = 30;
  const std::size_t filled = total == 0 ? kWidth : std::min(kWidth, done * kWidth / total);
  std::string line =
      fmt::format("[{:#<{}}{:.<{}}] {}/{}", "", filled, "", kWidth - filled, done, total);
  const double seconds = std::chrono::duration<double>(elapsed).count();
  if (done == 0 || seconds <= 0) return line;
  const double rate = static_cast<double>(done) / seconds;
  const double left = static_cast<double>(total - std::min(done, total)) / rate;
  return line + fmt::format("  {:.0f}/s  {:.0f} s left", rate, std::ceil(left));
}

ProgressBar::ProgressBar(std::FILE* terminal, std::size_t total)
    : terminal_(isatty(fileno(terminal)) != 0 ? terminal : nullptr),
      total_(total),
      started_(std::chrono::steady_clock::now()),
      drawn_(started_) {}

void ProgressBar::update(std::size_t done) {
  if (terminal_ == nullptr) return;
  const auto now = std::chrono::steady_clock::now();
  if (now - started_ < std::chrono::seconds(1)) return;
  if (visible_ && now - drawn_ < std::chrono::milliseconds(100)) return;
  fmt::print(terminal_, "\r\033[K{}", progress_line(done, total_, now - started_));
  std::fflush(terminal_);
  drawn_ = now;
  visible_ = true;
}

void ProgressBar::clear() {
  if (!visible_) return;
  fmt::print(terminal_, "\r\033[K");
  std::fflush(terminal_);
  visible_ = false;
}

}  // namespace muster
