// SPDX-License-Identifier: Apache-2.0
#include "serving/class_scores.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/text.h"
#include "tensor/float_elements.h"

namespace muster {
namespace {

bool is_distribution(const std::vector<double>& row) {
  constexpr double kTolerance = 1e-3;  // what 16-bit outputs of a softmax still meet
  const bool in_range =
      std::ranges::all_of(row, [](double value) { return value >= 0 && value <= 1 + kTolerance; });
  return in_range && std::abs(std::accumulate(row.begin(), row.end(), 0.0) - 1) <= kTolerance;
}

// [rows, 10], [rows, 10, 1, 1] or [rows, 1, 1, 10]: no picture of scores, no scores of many words.
bool has_one_axis_of_classes(const Shape& shape) {
  return std::ranges::count_if(shape.without_first().dims(),
                               [](std::int64_t dim) { return dim != 1; }) <= 1;
}

void softmax(std::vector<double>& row) {
  const double largest = *std::ranges::max_element(row);
  double sum = 0;
  for (double& value : row) {
    // An infinite logit takes everything; inf - inf would be NaN.
    value = std::isinf(largest) ? (value == largest ? 1.0 : 0.0) : std::exp(value - largest);
    sum += value;
  }
  for (double& value : row)
    value /= sum;
}

std::vector<ClassScore> best_of(const std::vector<double>& row, std::size_t top_k,
                                const std::vector<std::string>& labels) {
  std::vector<std::size_t> order(row.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const std::size_t count = std::min(top_k, row.size());
  std::partial_sort(
      order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(),
      [&](std::size_t a, std::size_t b) { return row[a] != row[b] ? row[a] > row[b] : a < b; });
  std::vector<ClassScore> best;
  best.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t index = order[i];
    best.push_back({static_cast<std::int64_t>(index),
                    index < labels.size() ? labels[index] : std::to_string(index), row[index]});
  }
  return best;
}

}  // namespace

Result<const TensorSpec*> classifying_output(const ModelConfig& config) {
  for (const TensorSpec& output : config.outputs) {
    if (config.labels.contains(output.name)) return &output;
  }
  if (config.outputs.size() == 1) return &config.outputs[0];
  return failed_precondition("model '" + printable(config.name) + "' has " +
                             std::to_string(config.outputs.size()) +
                             " outputs and none with labels: name the one that classifies by its "
                             "label_filename in config.pbtxt");
}

Result<std::vector<std::vector<ClassScore>>> class_scores(const TensorView& output,
                                                          const std::string& activation,
                                                          const std::vector<std::string>& labels,
                                                          std::size_t top_k) {
  if (!is_floating(output.type) || output.shape.rank() == 0) {
    return failed_precondition("an output of type " + std::string(data_type_name(output.type)) +
                               " and shape " + output.shape.to_string() + " holds no class scores");
  }
  const std::size_t size = element_size(output.type);
  MUSTER_ASSIGN_OR_RETURN(const std::size_t bytes, byte_size(output.type, output.shape));
  // Of rank 1, the whole is one row.
  const std::size_t rows = output.shape.rank() == 1 ? 1 : static_cast<std::size_t>(output.shape[0]);
  if (bytes == 0 || output.bytes.size() != bytes || !has_one_axis_of_classes(output.shape)) {
    return failed_precondition("an output of shape " + output.shape.to_string() +
                               " holds no class scores");
  }
  const std::size_t classes = bytes / size / rows;
  std::vector<std::vector<ClassScore>> scores;
  scores.reserve(rows);
  std::vector<double> row(classes);
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < classes; ++j) {
      row[j] = load_float(output.type, output.bytes.data() + (i * classes + j) * size);
      if (std::isnan(row[j])) {
        return Status(StatusCode::kDataLoss,
                      "the model's output for row " + std::to_string(i) + " is not a number");
      }
    }
    if (activation == "softmax" || (activation != "none" && !is_distribution(row))) softmax(row);
    scores.push_back(best_of(row, top_k, labels));
  }
  return scores;
}

Result<std::vector<std::vector<ClassScore>>> class_scores_of(const InferResponse& response,
                                                             const ModelConfig& config,
                                                             bool stacked, std::size_t top_k) {
  MUSTER_ASSIGN_OR_RETURN(const TensorSpec* output, classifying_output(config));
  const Tensor* tensor = response.find(output->name);
  if (tensor == nullptr) {
    return invalid_argument("the response has no output '" + printable(output->name) + "'");
  }
  if (stacked && tensor->shape().rank() < 2) {
    return failed_precondition("output '" + printable(output->name) + "' of shape " +
                               tensor->shape().to_string() + " holds one number a row, no classes");
  }
  static const std::vector<std::string> kNoLabels;
  const auto labels = config.labels.find(output->name);
  return class_scores(tensor->view(), config.activation,
                      labels == config.labels.end() ? kNoLabels : labels->second, top_k);
}

}  // namespace muster
