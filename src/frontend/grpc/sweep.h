// SPDX-License-Identifier: Apache-2.0
// Sweep: looks now and then for calls that their clients hold up. Nothing needs the moment to be
// exact, so one alarm for all of a loop's calls is enough.
#pragma once

#include <chrono>
#include <functional>

#include <grpcpp/alarm.h>

#include "frontend/grpc/completion_loop.h"
#include "frontend/grpc/operation.h"

namespace muster {

// The loop's thread. Order: begin, end; then the loop may stop.
class Sweep {
 public:
  Sweep(CompletionLoop& loop, std::chrono::milliseconds interval, std::function<void()> look);
  Sweep(const Sweep&) = delete;
  Sweep& operator=(const Sweep&) = delete;

  void begin();
  void end();

 private:
  void rang(bool ok);

  CompletionLoop& loop_;
  const std::chrono::milliseconds interval_;
  const std::function<void()> look_;
  bool ended_ = false;
  grpc::Alarm alarm_;
  Operation rang_ = operation_of<&Sweep::rang>(this);
};

}  // namespace muster
