// SPDX-License-Identifier: Apache-2.0
#include "inference/answer_burst.h"

#include <algorithm>
#include <span>
#include <utility>

namespace muster {
namespace {

thread_local AnswerBurst* innermost = nullptr;

}  // namespace

AnswerBurst::AnswerBurst() noexcept : outer_(std::exchange(innermost, this)) {}

AnswerBurst::~AnswerBurst() {
  innermost = outer_;
  for (std::size_t i = 0; i < count_; ++i)
    sleepers_[i]->wake_up();
}

void AnswerBurst::wake_at_end(std::shared_ptr<Sleeper> sleeper) noexcept {
  AnswerBurst* const burst = innermost;
  if (burst == nullptr || burst->count_ == kMaxSleepers) return sleeper->wake_up();
  const auto known = std::span(burst->sleepers_).first(burst->count_);
  if (std::ranges::find(known, sleeper) != known.end()) return;
  burst->sleepers_[burst->count_++] = std::move(sleeper);
}

}  // namespace muster
