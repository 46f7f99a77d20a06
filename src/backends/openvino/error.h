// SPDX-License-Identifier: Apache-2.0
// OpenVINO's exceptions as Status: caught at every call, so that none leaves this folder.
#pragma once

#include <new>
#include <string>
#include <string_view>
#include <utility>

#include <openvino/core/except.hpp>
#include <openvino/runtime/exception.hpp>

#include <muster/status.h>

namespace muster::openvino {

// What a person needs of it, on one line: without the lines that name the runtime's own source.
[[nodiscard]] std::string one_line(std::string_view runtime_message);
[[nodiscard]] Status status_of(const std::exception& exception);

// Runs `call` and turns whatever it throws into a Status.
template <typename F>
[[nodiscard]] Status guarded(F&& call) noexcept {
  try {
    std::forward<F>(call)();
    return {};
  } catch (const std::bad_alloc&) {
    return resource_exhausted("out of memory");
  } catch (const std::exception& exception) {
    return status_of(exception);
  } catch (...) {
    return internal_error("the runtime threw something that is no exception");
  }
}

}  // namespace muster::openvino
