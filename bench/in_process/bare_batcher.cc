// SPDX-License-Identifier: Apache-2.0
#include "bench/in_process/bare_batcher.h"

#include <algorithm>

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace muster::bench {
namespace {

// std::atomic::wait spins and yields before it sleeps, which with many callers is work of its own.
void sleep_while(std::atomic<std::uint32_t>& word, std::uint32_t value) {
  ::syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, value, nullptr, nullptr, 0);
}

void wake(std::atomic<std::uint32_t>& word) {
  ::syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

}  // namespace

BareBatcher::BareBatcher(const std::string& model_file, int max_batch) : runtime_(model_file) {
  for (int rows = 1; rows <= max_batch; ++rows) {
    loops_.push_back(std::make_unique<RawRuntime::Loop>(runtime_, rows));
  }
  worker_ = std::thread([this] { work(); });
}

BareBatcher::~BareBatcher() {
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
  }
  came_.notify_one();
  worker_.join();
}

void BareBatcher::infer(std::span<const float> row, Call& call) {
  call.row = row;
  call.answered.store(0, std::memory_order_relaxed);
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    first = waiting_.empty();
    waiting_.push_back(&call);
  }
  if (first) came_.notify_one();
  while (call.answered.load(std::memory_order_acquire) == 0)
    sleep_while(call.answered, 0);
}

void BareBatcher::work() {
  std::vector<Call*> taken;
  while (true) {
    taken.clear();
    {
      std::unique_lock lock(mutex_);
      came_.wait(lock, [this] { return over_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      taken.swap(waiting_);
    }
    for (std::size_t first = 0; first < taken.size(); first += loops_.size()) {
      const std::size_t count = std::min(taken.size() - first, loops_.size());
      run(std::span(taken).subspan(first, count));
    }
  }
}

void BareBatcher::run(std::span<Call* const> calls) {
  RawRuntime::Loop& loop = *loops_[calls.size() - 1];
  float* row = loop.input().data();
  for (const Call* call : calls)
    row = std::copy(call->row.begin(), call->row.end(), row);
  loop.run();
  const std::size_t size = loop.output().size() / calls.size();
  const float* answer = loop.output().data();
  for (Call* call : calls) {
    call->answer.assign(answer, answer + size);
    answer += size;
    call->answered.store(1, std::memory_order_release);
    wake(call->answered);
  }
}

}  // namespace muster::bench
