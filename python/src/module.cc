// SPDX-License-Identifier: Apache-2.0
// The module muster._core.
#include "batcher.h"
#include "bindings.h"
#include "exit.h"
#include "model.h"
#include "python.h"

NB_MODULE(_core, module) {
  using namespace muster::python;
  module.doc() = "The extension of the package muster; its classes are muster.Model and its kin.";
  bind_model(module);
  bind_future(module);
  bind_batcher(module);
  bind_image(module);
  bind_measure(module);
  bind_compile(module);
  watch_for_end(module);
}
