// SPDX-License-Identifier: Apache-2.0
// What a model's ports say, as Muster's signature; element types both ways; how it must be run.
#pragma once

#include <string>
#include <vector>

#include <openvino/core/model.hpp>
#include <openvino/core/node.hpp>
#include <openvino/core/type/element_type.hpp>
#include <openvino/runtime/compiled_model.hpp>

#include <muster/model.h>

#include "backends/openvino/model.h"

namespace muster::openvino {

// kInvalid, or the dynamic type, where there is no counterpart.
[[nodiscard]] DataType data_type_of(const ov::element::Type& type) noexcept;
[[nodiscard]] ov::element::Type element_type_of(DataType type) noexcept;

// The name of an input or output: that which the file gives it. A port may bear several.
[[nodiscard]] std::string name_of(const ov::Output<const ov::Node>& port);

// Outputs of one operator that bear no names of their own have its name and their number,
// "split.0". Inputs, or outputs, that would still share a name are refused.
[[nodiscard]] Result<ModelSignature> describe(
    const std::vector<ov::Output<const ov::Node>>& inputs,
    const std::vector<ov::Output<const ov::Node>>& outputs);

// What the runs of a compiled model need so that no failure of theirs is lost.
[[nodiscard]] Detour detour_of(const ov::CompiledModel& compiled);

}  // namespace muster::openvino
