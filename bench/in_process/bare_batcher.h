// SPDX-License-Identifier: Apache-2.0
// BareBatcher: the least that can batch the calls of threads that block: a list, a lock, one worker
// around the raw runtime, and one sleep for each call. No checks, no limits, no deadlines, no
// memory of its own for an answer. What it loses against the raw loop, the operating system takes.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "bench/raw_runtime.h"

namespace muster::bench {

class BareBatcher {
 public:
  // A caller's place to wait; one call at a time.
  struct Call {
    std::span<const float> row;
    std::vector<float> answer;
    std::atomic<std::uint32_t> answered{0};
  };

  // Batches of whatever waits, up to `max_batch`.
  BareBatcher(const std::string& model_file, int max_batch);
  // Nobody may be inside infer.
  ~BareBatcher();
  BareBatcher(const BareBatcher&) = delete;
  BareBatcher& operator=(const BareBatcher&) = delete;

  // Blocks until call.answer is there.
  void infer(std::span<const float> row, Call& call);
  [[nodiscard]] std::size_t row_size() const { return loops_.front()->input().size(); }

 private:
  void work();
  void run(std::span<Call* const> calls);

  RawRuntime runtime_;
  std::vector<std::unique_ptr<RawRuntime::Loop>> loops_;  // [n - 1] runs n rows
  std::mutex mutex_;
  std::condition_variable came_;
  std::vector<Call*> waiting_;
  bool over_ = false;
  std::thread worker_;  // last: it uses all of the above
};

}  // namespace muster::bench
