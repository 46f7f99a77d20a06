// SPDX-License-Identifier: Apache-2.0
// Mailbox: where answers come home to a transport thread, and the io_context that they wake.
//
// Everybody who owes the thread an answer holds it by shared_ptr, so that one that comes after the
// front end has gone still finds it, and is thrown away.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <new>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include "inference/answer_burst.h"

namespace muster {

// Something on its way. Owned by the one who brings it until it is pushed.
struct Letter {
  Letter() = default;
  Letter(const Letter&) = delete;
  Letter& operator=(const Letter&) = delete;
  virtual ~Letter() = default;
  Letter* next = nullptr;
};

class Mailbox final : public AnswerBurst::Sleeper, public std::enable_shared_from_this<Mailbox> {
 public:
  // Throws boost::system::system_error where the system has no more files.
  Mailbox();
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;
  ~Mailbox();

  // Any thread; takes no lock and no memory. Wakes the transport thread where it sleeps and nobody
  // has woken it yet, at the end of the AnswerBurst; an awake one looks by itself before it sleeps.
  void push(Letter* letter) noexcept;

  // Any thread; takes no lock and no memory. The transport thread's next sleep, or the one that it
  // is in, ends.
  void wake() noexcept;
  // The same, unless the thread is awake or has nothing to take.
  void wake_up() noexcept override;

  // The transport thread alone, from here on. Runs events of io() for as long as `run` does, which
  // may sleep in it; false, and does not, where letters are there.
  template <typename Run>
  bool run_asleep(Run run) {
    asleep_.store(true, std::memory_order_seq_cst);
    const Awakening at_end{asleep_};
    // After that store: whoever pushes later sees it and wakes.
    if (letters_.load(std::memory_order_seq_cst) != nullptr) return false;
    run();
    return true;
  }

  // What was pushed, oldest first.
  [[nodiscard]] Letter* take_all() noexcept;
  [[nodiscard]] bool empty() const noexcept {
    return letters_.load(std::memory_order_relaxed) == nullptr;
  }
  // Throws away what is there and what will come.
  void close() noexcept;

  [[nodiscard]] boost::asio::io_context& io() noexcept { return io_; }

 private:
  struct Awakening {
    std::atomic<bool>& asleep;
    ~Awakening() { asleep.store(false, std::memory_order_relaxed); }
  };
  // The memory of the one wait for the bell.
  template <typename T>
  struct WaitMemory {
    using value_type = T;
    Mailbox* mailbox;
    explicit WaitMemory(Mailbox* owner) noexcept : mailbox(owner) {}
    template <typename U>
    WaitMemory(const WaitMemory<U>& other) noexcept  // NOLINT(google-explicit-constructor)
        : mailbox(other.mailbox) {}
    [[nodiscard]] T* allocate(std::size_t count) {
      static_assert(sizeof(T) <= kWaitBytes);
      static_assert(alignof(T) <= kWaitAlignment);
      if (count != 1) throw std::bad_alloc();
      return reinterpret_cast<T*>(mailbox->wait_memory_);
    }
    void deallocate(T*, std::size_t) noexcept {}
    template <typename U>
    bool operator==(const WaitMemory<U>& other) const noexcept {
      return mailbox == other.mailbox;
    }
  };
  static constexpr std::size_t kWaitBytes = 192;
  static constexpr std::size_t kWaitAlignment = alignof(std::max_align_t);

  void await_bell();

  alignas(64) std::atomic<Letter*> letters_{nullptr};
  std::atomic<bool> asleep_{false};
  Letter closed_;  // its address stands for a closed mailbox
  alignas(kWaitAlignment) std::byte wait_memory_[kWaitBytes];
  boost::asio::io_context io_;
  // An eventfd. Asio's own way of waking holds its lock meanwhile, on which the thread that wakes
  // up would sleep again at once.
  boost::asio::posix::basic_stream_descriptor<boost::asio::io_context::executor_type> bell_;
};

}  // namespace muster
