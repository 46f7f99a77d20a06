// SPDX-License-Identifier: Apache-2.0
// Files whose batch size is fixed, and OpenVINO's way to run fewer rows with them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <muster/model.h>

namespace muster {

// The first dimension of all tensors, where it is fixed and the same; else 0.
[[nodiscard]] std::int64_t fixed_batch_size(const ModelConfig& config);
// With this in its configuration OpenVINO fills smaller batches up.
inline constexpr std::string_view kBatchPaddingLine =
    R"(parameters { key: "ENABLE_BATCH_PADDING" value { string_value: "YES" } })";

// What a configuration has to say so that OpenVINO runs the file's fixed batch with fewer rows,
// too.
// "" where that is not possible: of another backend, of a batch of one.
[[nodiscard]] std::string batch_padding_settings(const ModelConfig& config);

}  // namespace muster
