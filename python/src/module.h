// SPDX-License-Identifier: Apache-2.0
// The functions of the module that belong to no class.
#pragma once

#include "python/src/python.h"

namespace muster::python {

void bind_image(nb::module_& module);
void bind_measure(nb::module_& module);
void bind_compile(nb::module_& module);

}  // namespace muster::python
