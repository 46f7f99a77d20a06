// SPDX-License-Identifier: Apache-2.0
// The module muster._core.
#include "python/src/module.h"

#include "python/src/exit.h"
#include "python/src/model.h"
#include "python/src/python.h"
#include "python/src/queue/batcher.h"
#include "python/src/queue/callbacks.h"
#include "python/src/queue/waiting.h"

NB_MODULE(_core, module) {
  using namespace muster::python;
  module.doc() = "The extension of the package muster; its classes are muster.Model and its kin.";
  bind_model(module);
  bind_waiting(module);
  bind_callbacks(module);
  bind_future(module);
  bind_batcher(module);
  bind_image(module);
  bind_measure(module);
  bind_compile(module);
  watch_for_end(module);
}
