// SPDX-License-Identifier: Apache-2.0
// ServerTarget: a server's connections as the target of a load.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "client/connections.h"
#include "load_generation/request_target.h"

namespace muster {

class ServerTarget final : public RequestTarget {
 public:
  // One request for all slots, or one for each; they outlive the target.
  ServerTarget(Connections connections, std::vector<std::string_view> requests)
      : connections_(std::move(connections)), requests_(std::move(requests)) {}

  [[nodiscard]] int slots() const noexcept override { return connections_.slots(); }
  void ask(int slot) override {
    connections_.ask(slot, requests_.size() == 1 ? requests_.front()
                                                 : requests_[static_cast<std::size_t>(slot)]);
  }
  [[nodiscard]] Status wait(Clock::Duration limit, AnswerListener& listener) override {
    return connections_.wait(limit, listener);
  }
  void abandon(int slot, std::string why) override { connections_.abandon(slot, std::move(why)); }
  // Makes a `wait` that sleeps, or the next one, return. Any thread.
  void wake() const noexcept { connections_.wake(); }

 private:
  Connections connections_;
  const std::vector<std::string_view> requests_;
};

}  // namespace muster
