// SPDX-License-Identifier: Apache-2.0
#include "frontend/grpc/completion_loop.h"

#include <utility>

#include <grpc/support/time.h>

namespace muster {
namespace {

// Bounds how long a request that was decoded waits for others before it is handed in.
constexpr std::size_t kMaxRoundEvents = 256;

void finish_operation(void* tag, bool ok) {
  const auto* operation = static_cast<const Operation*>(tag);
  operation->over(operation->owner, ok);
}

}  // namespace

CompletionLoop::CompletionLoop(std::unique_ptr<grpc::ServerCompletionQueue> queue)
    : queue_(std::move(queue)), mailbox_(std::make_shared<GrpcMailbox>([this] {
        wake_alarm_.Set(queue_.get(), gpr_inf_past(GPR_CLOCK_MONOTONIC), &wake_);
      })) {}

CompletionLoop::~CompletionLoop() {
  stop();
  // gRPC wants a queue to be empty when it is destroyed, also one that never had a thread.
  if (shut_) return;
  queue_->Shutdown();
  void* tag = nullptr;
  bool ok = false;
  while (queue_->Next(&tag, &ok)) {
  }
}

void CompletionLoop::start(std::function<void()> begin) {
  thread_ = std::thread([this, begin = std::move(begin)] {
    begin();
    run();
  });
}

void CompletionLoop::stop() {
  if (!thread_.joinable()) return;
  mailbox_->send(stop_letter_);
  thread_.join();
}

void CompletionLoop::run() {
  while (true) {
    const bool full = take_round();
    depart();
    const bool opened = !shut_ && mailbox_->open_all();
    if (stopping_ && !shut_ && !mailbox_->wake_comes()) shut_down();
    if (full || opened) continue;
    if (!shut_ && !mailbox_->try_sleep() && !mailbox_->wake_comes()) continue;
    void* tag = nullptr;
    bool ok = false;
    if (!queue_->Next(&tag, &ok)) return;
    finish_operation(tag, ok);
  }
}

bool CompletionLoop::take_round() {
  void* tag = nullptr;
  bool ok = false;
  for (std::size_t events = 0; events < kMaxRoundEvents; ++events) {
    if (queue_->AsyncNext(&tag, &ok, gpr_inf_past(GPR_CLOCK_MONOTONIC)) !=
        grpc::CompletionQueue::GOT_EVENT)
      return false;
    finish_operation(tag, ok);
  }
  return true;
}

void CompletionLoop::depart() {
  // Departures may fail at once and bring new ones only with a later round.
  for (std::size_t place = 0; place < round_.size(); ++place)
    round_[place]->depart();
  burst_.end();
  round_.clear();
}

void CompletionLoop::shut_down() {
  mailbox_->close();
  shut_ = true;
  queue_->Shutdown();
}

}  // namespace muster
