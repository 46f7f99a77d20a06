// SPDX-License-Identifier: Apache-2.0
// CompletionLoop: one completion queue of gRPC and the thread that works on it. All that happens to
// a call happens here: its arrival, its reading, decoding and encoding, its end.
//
// Events that lie ready are taken together, a round at a time. Requests that were decoded in a
// round are handed to the service at its end, one right after the other, so that a burst wakes a
// worker once. Answers come back through the mailbox, and their encoding is done here as well.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include <grpcpp/alarm.h>
#include <grpcpp/completion_queue.h>

#include <muster/inference.h>

#include "frontend/grpc/grpc_mailbox.h"
#include "frontend/grpc/operation.h"
#include "inference/burst.h"

namespace muster {

class CompletionLoop {
 public:
  // At the end of a round.
  class Departure {
   public:
    virtual void depart() = 0;

   protected:
    ~Departure() = default;
  };

  explicit CompletionLoop(std::unique_ptr<grpc::ServerCompletionQueue> queue);
  CompletionLoop(const CompletionLoop&) = delete;
  CompletionLoop& operator=(const CompletionLoop&) = delete;
  ~CompletionLoop();  // after `stop`, or where it was never started

  // `begin` is the first thing that the thread does.
  void start(std::function<void()> begin);
  // Returns when the thread has ended: after every operation is over, with the mailbox closed. The
  // server must have been shut down, so that all of them will be.
  void stop();

  [[nodiscard]] grpc::ServerCompletionQueue& queue() noexcept { return *queue_; }
  // Outlives the loop where letters are still to come.
  [[nodiscard]] const std::shared_ptr<GrpcMailbox>& mailbox() const noexcept { return mailbox_; }

  // The loop's thread, both. `departure` leaves at the end of this round.
  void depart_with_round(Departure& departure) { round_.push_back(&departure); }
  // Of the requests that are handed in by this round's departures; it ends after them.
  [[nodiscard]] Burst& burst() noexcept { return burst_; }
  // False: no operation may be begun any more; those that were are still to be over.
  [[nodiscard]] bool takes_operations() const noexcept { return !shut_; }

 private:
  struct StopLetter final : GrpcLetter {
    explicit StopLetter(CompletionLoop& stopped) noexcept : loop(stopped) {}
    void open() override { loop.stopping_ = true; }
    void drop() override {}
    CompletionLoop& loop;
  };

  void run();
  [[nodiscard]] bool take_round();
  void depart();
  void shut_down();
  void wake_over(bool) { mailbox_->woken(); }

  const std::unique_ptr<grpc::ServerCompletionQueue> queue_;
  const std::shared_ptr<GrpcMailbox> mailbox_;
  grpc::Alarm wake_alarm_;  // set by the sender that wakes; one at a time, see GrpcMailbox
  Operation wake_ = operation_of<&CompletionLoop::wake_over>(this);
  StopLetter stop_letter_{*this};
  std::thread thread_;

  // The thread's own.
  std::vector<Departure*> round_;
  Burst burst_;
  bool stopping_ = false;  // no more sleep without an operation to come
  bool shut_ = false;      // the queue takes no more operations
};

}  // namespace muster
