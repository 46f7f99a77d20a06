// SPDX-License-Identifier: Apache-2.0
// Mailbox: where answers come home to a transport thread, and the bell that wakes it for them.
//
// Everybody who owes the thread an answer holds it by shared_ptr, so that one that comes after the
// front end has gone still finds it, and is thrown away.
#pragma once

#include <atomic>
#include <memory>

#include "base/descriptor.h"
#include "inference/answer_burst.h"

namespace muster {

// Something on its way. Owned by the one who brings it until it is pushed; thrown away where nobody
// waits for it any more.
struct Letter {
  Letter() = default;
  Letter(const Letter&) = delete;
  Letter& operator=(const Letter&) = delete;
  virtual ~Letter() = default;
  // On the transport thread, which gives it back to whoever it belonged to before.
  virtual void open() = 0;
  Letter* next = nullptr;
};

class Mailbox final : public AnswerBurst::Sleeper, public std::enable_shared_from_this<Mailbox> {
 public:
  // Throws std::system_error where the system has no more files.
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

  // An eventfd that becomes readable, by an edge, with every wake. Nobody has to read it.
  [[nodiscard]] int bell() const noexcept { return bell_.get(); }

  // The transport thread alone, from here on. Calls `run`, which may sleep until the bell rings;
  // false, and does not, where letters are there.
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

 private:
  struct Awakening {
    std::atomic<bool>& asleep;
    ~Awakening() { asleep.store(false, std::memory_order_relaxed); }
  };

  alignas(64) std::atomic<Letter*> letters_{nullptr};
  std::atomic<bool> asleep_{false};
  struct Mark final : Letter {
    void open() override {}
  };
  Mark closed_;  // its address stands for a closed mailbox
  const Descriptor bell_;
};

}  // namespace muster
