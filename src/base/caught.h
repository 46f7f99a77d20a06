// SPDX-License-Identifier: Apache-2.0
// Exceptions of code that is not ours, as a Status.
#pragma once

#include <exception>
#include <new>
#include <type_traits>

#include <muster/status.h>

#include "base/text.h"

namespace muster {

// What `work` gives, or what it throws as a Status: where memory runs out, that is the end of one
// batch size and not of the others.
template <typename Work>
std::invoke_result_t<Work&> caught(Work work) {
  try {
    return work();
  } catch (const std::bad_alloc&) {
    return resource_exhausted("there is not enough memory");
  } catch (const std::exception& error) {
    return internal_error(printable(error.what()));
  }
}

}  // namespace muster
