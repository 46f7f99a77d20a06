// SPDX-License-Identifier: Apache-2.0
// CallerPermission: whether the caller of one inference may name regions of shared memory. That
// takes what registering them takes: a region belongs to whoever registered it, and its name alone
// would let others read and overwrite what is in it.
#pragma once

#include <optional>

#include "frontend/access_policy.h"
#include "protocol/infer_call.h"

namespace muster {

// Of one request; one thread.
class CallerPermission : public RegionPermission {
 public:
  CallerPermission(const CallerPermission&) = delete;
  CallerPermission& operator=(const CallerPermission&) = delete;

  // A request may name very many regions: the transport is asked once.
  [[nodiscard]] Status check() const final {
    if (!answer_) answer_ = ask(Right::kAdmin).with_context("naming shared memory");
    return *answer_;
  }

 protected:
  CallerPermission() = default;
  ~CallerPermission() = default;

 private:
  [[nodiscard]] virtual Status ask(Right right) const = 0;

  mutable std::optional<Status> answer_;
};

}  // namespace muster
