// SPDX-License-Identifier: Apache-2.0
// RequestTarget: where a load sends its requests, by slots. A server's connections, or a test.
//
// AnswerListener (client/wire.h) hears of every request that was asked, once. One thread.
#pragma once

#include <string>

#include "base/clock.h"
#include "client/wire.h"

namespace muster {

class RequestTarget {
 public:
  virtual ~RequestTarget() = default;

  // Requests that may be in flight.
  [[nodiscard]] virtual int slots() const noexcept = 0;
  // Sends the slot's request, at once or from within `wait` soon after. The slot must be free.
  virtual void ask(int slot) = 0;
  // Hands out what has come, or waits for something, at most that long. Errors end the load.
  [[nodiscard]] virtual Status wait(Clock::Duration limit, AnswerListener& listener) = 0;
  // Gives up on what is in flight there: the next `wait` tells that it failed, and why.
  virtual void abandon(int slot, std::string why) = 0;
};

}  // namespace muster
