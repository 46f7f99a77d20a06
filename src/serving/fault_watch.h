// SPDX-License-Identifier: Apache-2.0
// FaultWatch: a compiled model whose sessions notice that one of them is broken for good, as a
// backend says with kBrokenForGood. From then on none of them runs: every batch fails at once.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <muster/backend.h>

namespace muster {

// `on_fault` is called once, on the thread whose run found out, with the backend's reason; it must
// only hand over. That batch fails with kInternal and the reason, later ones with kUnavailable.
// Null: nothing is reported.
[[nodiscard]] std::shared_ptr<const CompiledModel> watch_faults(
    std::shared_ptr<const CompiledModel> model, std::function<void(std::string reason)> on_fault);

}  // namespace muster
