// SPDX-License-Identifier: Apache-2.0
// What Python gets of a request that is done.
#pragma once

#include <muster/inference.h>

#include "python/src/python.h"

namespace muster::python {

// The outputs of one that has succeeded as {name: array}; raises the failure of one that has not.
// `is_a_row`: without the batch axis.
[[nodiscard]] nb::object value_of(const Result<InferResponse>& outcome, bool is_a_row);

}  // namespace muster::python
