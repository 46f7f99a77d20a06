// SPDX-License-Identifier: Apache-2.0
// ClassScores: rows of a classifier's output become their best classes with probabilities.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <muster/service.h>

namespace muster {

// The output that classifies: the one with labels, else the only one. An error says why none does.
[[nodiscard]] Result<const TensorSpec*> classifying_output(const ModelConfig& config);

// One list a row, best first, equal probabilities by index. `activation` as in ModelConfig. Errors:
// an output that is no floating-point tensor of [rows, classes], where further axes may be 1, or a
// row with a NaN.
[[nodiscard]] Result<std::vector<std::vector<ClassScore>>> class_scores(
    const TensorView& output, const std::string& activation, const std::vector<std::string>& labels,
    std::size_t top_k);

// The same of the output of a response that classifies. `stacked`: the model's first axis counts
// rows.
[[nodiscard]] Result<std::vector<std::vector<ClassScore>>> class_scores_of(
    const InferResponse& response, const ModelConfig& config, bool stacked, std::size_t top_k);

}  // namespace muster
