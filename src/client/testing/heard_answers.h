// SPDX-License-Identifier: Apache-2.0
// HeardAnswers: keeps what it hears.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "client/wire.h"

namespace muster {

class HeardAnswers final : public AnswerListener {
 public:
  struct Heard {
    int slot;
    Outcome outcome;
    std::string body;
    int code;
    std::optional<std::size_t> header_bytes;
  };

  void answered(const Answer& answer) override {
    all.push_back(
        {answer.slot, answer.outcome, std::string(answer.body), answer.code, answer.header_bytes});
  }

  std::vector<Heard> all;
};

}  // namespace muster
