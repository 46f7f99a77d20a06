// SPDX-License-Identifier: Apache-2.0
#include "app/progress_bar.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace muster {
namespace {

constexpr std::size_t kUsualColumns = 80;
constexpr std::size_t kBarWidth = 30;
constexpr std::size_t kShortBarWidth = 10;  // words want the rest of a line

// "[#######...]", filled in the proportion of both numbers.
std::string bar_of(double done, double whole, std::size_t width) {
  const double part = whole > 0 ? std::clamp(done / whole, 0.0, 1.0) : 1.0;
  const auto filled = static_cast<std::size_t>(part * static_cast<double>(width));
  return fmt::format("[{:#<{}}{:.<{}}]", "", filled, "", width - filled);
}

std::size_t columns_of(std::FILE* terminal) {
  winsize size{};
  const bool known = ::ioctl(::fileno(terminal), TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? size.ws_col : kUsualColumns;
}

}  // namespace

std::string progress_line(std::size_t done, std::size_t total,
                          std::chrono::steady_clock::duration elapsed) {
  std::string line = fmt::format(
      "{} {}/{}", bar_of(static_cast<double>(done), static_cast<double>(total), kBarWidth), done,
      total);
  const double seconds = std::chrono::duration<double>(elapsed).count();
  if (done == 0 || seconds <= 0) return line;
  const double rate = static_cast<double>(done) / seconds;
  const double left = static_cast<double>(total - std::min(done, total)) / rate;
  return line + fmt::format("  {:.0f}/s  {:.0f} s left", rate, std::ceil(left));
}

std::string time_line(std::chrono::steady_clock::duration elapsed,
                      std::chrono::steady_clock::duration whole, std::string_view what) {
  const double done = std::chrono::duration<double>(elapsed).count();
  const double all = std::chrono::duration<double>(whole).count();
  return fmt::format("{} {:.0f} of {:g} s  {}", bar_of(done, all, kShortBarWidth), std::floor(done),
                     all, what);
}

std::string part_line(double done) {
  const double part = std::clamp(done, 0.0, 1.0);
  return fmt::format("{} {:3.0f} %", bar_of(part, 1, kShortBarWidth), std::floor(part * 100));
}

ProgressBar::ProgressBar(std::FILE* terminal, std::size_t total)
    : terminal_(isatty(fileno(terminal)) != 0 ? terminal : nullptr),
      total_(total),
      started_(std::chrono::steady_clock::now()),
      drawn_(started_) {}

bool ProgressBar::is_due(std::chrono::steady_clock::time_point now) const {
  if (terminal_ == nullptr || now - started_ < std::chrono::seconds(1)) return false;
  return !visible_ || now - drawn_ >= std::chrono::milliseconds(100);
}

void ProgressBar::update(std::size_t done) {
  const auto now = std::chrono::steady_clock::now();
  if (is_due(now)) show(progress_line(done, total_, now - started_));
}

void ProgressBar::show(std::string_view line) {
  const auto now = std::chrono::steady_clock::now();
  if (!is_due(now)) return;
  // A line that goes on in the next one could not be taken away again.
  fmt::print(terminal_, "\r\033[K{}", line.substr(0, columns_of(terminal_) - 1));
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
