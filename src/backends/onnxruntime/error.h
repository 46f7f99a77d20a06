// SPDX-License-Identifier: Apache-2.0
// The runtime's exceptions as Status: one line each, without the paths of whoever built it.
#pragma once

#include <exception>
#include <new>
#include <string>
#include <string_view>
#include <utility>

#include <onnxruntime_cxx_api.h>

#include <muster/status.h>

namespace muster::onnxruntime {

// The message without source locations, function signatures, error prefixes and line breaks.
[[nodiscard]] std::string one_line(std::string_view runtime_message);
[[nodiscard]] Status status_of(const Ort::Exception& exception);

// Runs `call` and turns whatever it throws into a Status.
template <typename F>
[[nodiscard]] Status guarded(F&& call) noexcept {
  try {
    std::forward<F>(call)();
    return {};
  } catch (const Ort::Exception& exception) {
    return status_of(exception);
  } catch (const std::bad_alloc&) {
    return resource_exhausted("out of memory");
  } catch (const std::exception& exception) {
    return internal_error(one_line(exception.what()));
  } catch (...) {
    return internal_error("the runtime threw something that is no exception");
  }
}

}  // namespace muster::onnxruntime
