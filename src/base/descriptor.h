// SPDX-License-Identifier: Apache-2.0
// Descriptor: a file descriptor that is closed with it.
#pragma once

#include <utility>

#include <unistd.h>

namespace muster {

class Descriptor {
 public:
  explicit Descriptor(int number = -1) noexcept : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this != &other) close(other.release());
    return *this;
  }
  ~Descriptor() { close(-1); }

  [[nodiscard]] int get() const noexcept { return number_; }  // -1: none
  [[nodiscard]] bool is_open() const noexcept { return number_ >= 0; }
  // The caller closes it.
  [[nodiscard]] int release() noexcept { return std::exchange(number_, -1); }
  void close() noexcept { close(-1); }

 private:
  void close(int next) noexcept {
    if (number_ >= 0) ::close(number_);
    number_ = next;
  }

  int number_;
};

}  // namespace muster
