// SPDX-License-Identifier: Apache-2.0
// GrpcMailbox: letters from any thread to one, without a lock, and with one wake-up for as many
// letters as come while the reader sleeps. How the answers of workers come home to a transport's
// thread.
//
// Senders and the reader share it: a letter may be sent after the reader has closed the box and
// gone. Call order of the reader: (take* (try_sleep, its own sleep)?)* close.
#pragma once

#include <atomic>
#include <functional>
#include <utility>

namespace muster {

class GrpcLetter {
 public:
  // On the reader's thread. Whoever opens it owns the letter again.
  virtual void open() = 0;
  // On the sender's thread: the box is closed, nobody waits for the letter any more.
  virtual void drop() = 0;

 protected:
  GrpcLetter() = default;
  GrpcLetter(const GrpcLetter&) = default;
  GrpcLetter& operator=(const GrpcLetter&) = default;
  ~GrpcLetter() = default;

 private:
  friend class GrpcMailbox;
  GrpcLetter* next_ = nullptr;
};

class GrpcMailbox {
 public:
  // `wake` ends one sleep of the reader. It is called by senders, at most once for each sleep, and
  // never after the sleep was ended by it or `close` was called.
  explicit GrpcMailbox(std::function<void()> wake) : wake_(std::move(wake)) {}
  GrpcMailbox(const GrpcMailbox&) = delete;
  GrpcMailbox& operator=(const GrpcMailbox&) = delete;

  // Any thread. The letter is opened or dropped, once.
  void send(GrpcLetter& letter);

  // The reader's thread, all below. Opens what has come, in the order of sending; false if nothing
  // had.
  bool open_all();
  // True: the reader may sleep, and the next letter wakes it. False: there are letters, or a
  // wake-up is on its way from an earlier sleep and comes without being asked for.
  [[nodiscard]] bool try_sleep() noexcept;
  // The reader was woken by `wake`, before or after it opened the letters that were the reason.
  void woken() noexcept { asleep_set_ = wake_comes_ = false; }
  // Whether `wake` was or is being called and `woken` has not been. Settled after `open_all`.
  [[nodiscard]] bool wake_comes() const noexcept { return wake_comes_; }
  // Opens what has come; letters sent from now on are dropped. Not while `wake_comes`.
  void close();

 private:
  bool open_taken(GrpcLetter* newest);

  // The newest letter of a chain from newest to oldest, or: null = none and the reader is awake,
  // &asleep_ = none and the reader sleeps, &closed_.
  struct Mark final : GrpcLetter {
    void open() override {}
    void drop() override {}
  };
  Mark asleep_;
  Mark closed_;
  std::atomic<GrpcLetter*> newest_{nullptr};
  const std::function<void()> wake_;

  // The reader's own.
  bool asleep_set_ = false;
  bool wake_comes_ = false;
};

}  // namespace muster
