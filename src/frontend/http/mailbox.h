// SPDX-License-Identifier: Apache-2.0
// Mailbox: where answers come home to a transport thread, and the io_context that they wake.
//
// Everybody who owes the thread an answer holds it by shared_ptr, so that one that comes after the
// front end has gone still finds it, and is thrown away.
#pragma once

#include <atomic>
#include <cstddef>
#include <new>

#include <boost/asio/io_context.hpp>

namespace muster {

// Something on its way. Owned by the one who brings it until it is pushed.
struct Letter {
  Letter() = default;
  Letter(const Letter&) = delete;
  Letter& operator=(const Letter&) = delete;
  virtual ~Letter() = default;
  Letter* next = nullptr;
};

class Mailbox {
 public:
  Mailbox();
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;
  ~Mailbox();

  // Any thread; takes no lock and no memory. Wakes the transport thread unless a wake-up is already
  // under way, or this is that thread, which looks by itself at the end of each round.
  void push(Letter* letter) noexcept;

  // Any thread; takes no memory. A round of the transport thread begins after this.
  void wake() noexcept;

  // The transport thread alone, from here on. What was pushed, oldest first.
  [[nodiscard]] Letter* take_all() noexcept;
  [[nodiscard]] bool empty() const noexcept {
    return letters_.load(std::memory_order_relaxed) == nullptr;
  }
  // Throws away what is there and what will come.
  void close() noexcept;
  // Says that the calling thread is the transport thread.
  void belongs_to_this_thread() noexcept;

  [[nodiscard]] boost::asio::io_context& io() noexcept { return io_; }

 private:
  // The memory of the one wake-up that can be under way.
  template <typename T>
  struct WakeMemory {
    using value_type = T;
    Mailbox* mailbox;
    explicit WakeMemory(Mailbox* owner) noexcept : mailbox(owner) {}
    template <typename U>
    WakeMemory(const WakeMemory<U>& other) noexcept  // NOLINT(google-explicit-constructor)
        : mailbox(other.mailbox) {}
    [[nodiscard]] T* allocate(std::size_t count) {
      static_assert(sizeof(T) <= kWakeBytes);
      static_assert(alignof(T) <= kWakeAlignment);
      if (count != 1) throw std::bad_alloc();
      return reinterpret_cast<T*>(mailbox->wake_memory_);
    }
    void deallocate(T*, std::size_t) noexcept {}
    template <typename U>
    bool operator==(const WakeMemory<U>& other) const noexcept {
      return mailbox == other.mailbox;
    }
  };
  static constexpr std::size_t kWakeBytes = 128;
  static constexpr std::size_t kWakeAlignment = alignof(std::max_align_t);

  alignas(64) std::atomic<Letter*> letters_{nullptr};
  std::atomic<bool> waking_{false};
  Letter closed_;  // its address stands for a closed mailbox
  alignas(kWakeAlignment) std::byte wake_memory_[kWakeBytes];
  boost::asio::io_context io_;
};

}  // namespace muster
