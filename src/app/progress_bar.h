// SPDX-License-Identifier: Apache-2.0
// ProgressBar: one line on a terminal that tells how far a longer job is.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>

namespace muster {

// "[#######.........] 1234/10000  850/s  10 s left"
[[nodiscard]] std::string progress_line(std::size_t done, std::size_t total,
                                        std::chrono::steady_clock::duration elapsed);

// The same by time, for a job that takes as long as it may: "[##........] 12 of 60 s  what"
[[nodiscard]] std::string time_line(std::chrono::steady_clock::duration elapsed,
                                    std::chrono::steady_clock::duration whole,
                                    std::string_view what);

// By what is done of the whole, 0 to 1: "[####......]  42 %"
[[nodiscard]] std::string part_line(double done);

// Draws on `terminal` from one second after it was made, ten times a second at most, and nothing at
// all where that is no terminal. One thread.
class ProgressBar {
 public:
  ProgressBar(std::FILE* terminal, std::size_t total);
  ~ProgressBar() { clear(); }
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  void update(std::size_t done);
  // Any line, instead; what is wider than the terminal is cut.
  void show(std::string_view line);
  // Takes the line away, so that something else can be printed.
  void clear();

 private:
  [[nodiscard]] bool is_due(std::chrono::steady_clock::time_point now) const;

  std::FILE* const terminal_;  // null: it is none
  const std::size_t total_;
  const std::chrono::steady_clock::time_point started_;
  std::chrono::steady_clock::time_point drawn_;
  bool visible_ = false;
};

}  // namespace muster
