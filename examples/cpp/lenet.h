// SPDX-License-Identifier: Apache-2.0
// LeNet of these layers.
#pragma once

#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "layers.h"

namespace tutorial {

// [start model]
// Digits of 28 x 28 gray pixels, white on black, to ten scores.
class LeNet {
 public:
  explicit LeNet(std::mt19937& random) {
    add<Convolution>(1, 6, 28, random);  // 24 x 24
    add<Relu>();
    add<MaxPool>(24);
    add<Convolution>(6, 16, 12, random);  // 8 x 8
    add<Relu>();
    add<MaxPool>(8);
    add<Linear>(256, 120, random);
    add<Relu>();
    add<Linear>(120, 84, random);
    add<Relu>();
    add<Linear>(84, 10, random);
  }

  // Scores of that many pictures; each row by itself.
  Values forward(Values rows_of_pixels, std::size_t rows) {
    for (const auto& layer : layers_)
      rows_of_pixels = layer->forward(rows_of_pixels, rows);
    return rows_of_pixels;
  }

  void backward(Values gradient, std::size_t rows) {
    for (auto layer = layers_.rbegin(); layer != layers_.rend(); ++layer)
      gradient = (*layer)->backward(gradient, rows);
  }

  // Kernels or matrix, then bias, of each layer that has them.
  [[nodiscard]] std::vector<Weights*> weights() const {
    std::vector<Weights*> all;
    for (const auto& layer : layers_)
      for (Weights* one : layer->weights())
        all.push_back(one);
    return all;
  }

 private:
  template <typename T>
  void add(auto&&... arguments) {
    layers_.push_back(std::make_unique<T>(std::forward<decltype(arguments)>(arguments)...));
  }

  std::vector<std::unique_ptr<Layer>> layers_;
};
// [end model]

}  // namespace tutorial
