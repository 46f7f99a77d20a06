// SPDX-License-Identifier: Apache-2.0
// Layers of a network without a framework: they compute their outputs and their gradients, for as
// many rows as there are.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <random>
#include <vector>

namespace tutorial {

using Values = std::vector<float>;

// Weights, what a batch says of them, and what Adam remembers of earlier ones.
struct Weights {
  Weights(std::size_t count, std::size_t inputs, std::mt19937& random)
      : values(count), gradient(count), mean(count), square(count) {
    std::uniform_real_distribution<float> drawn(-1, 1);
    for (float& value : values)
      value = drawn(random) / std::sqrt(static_cast<float>(inputs));
  }
  Values values, gradient, mean, square;
};

// forward, then backward with the gradient of the loss by what forward gave; both for `rows` rows.
// [start layer]
class Layer {
 public:
  virtual ~Layer() = default;
  virtual Values forward(const Values& input, std::size_t rows) = 0;
  virtual Values backward(const Values& gradient, std::size_t rows) = 0;
  virtual std::vector<Weights*> weights() { return {}; }
};
// [end layer]

class Convolution final : public Layer {
 public:
  static constexpr std::size_t kKernel = 5;

  Convolution(std::size_t in, std::size_t out, std::size_t side, std::mt19937& random)
      : in_(in),
        out_(out),
        side_(side),
        kernels_(out * in * kKernel * kKernel, in * kKernel * kKernel, random),
        bias_(out, in * kKernel * kKernel, random) {}

  Values forward(const Values& input, std::size_t rows) override {
    input_ = input;
    Values output(rows * out_ * small() * small());
    for (std::size_t row = 0; row < rows; ++row)
      for (std::size_t o = 0; o < out_; ++o) {
        float* to = &output[(row * out_ + o) * small() * small()];
        std::fill_n(to, small() * small(), bias_.values[o]);
        each_tap(row, o, [&](std::size_t tap, std::size_t from, std::size_t at) {
          for (std::size_t x = 0; x < small(); ++x)
            to[at + x] += kernels_.values[tap] * input_[from + x];
        });
      }
    return output;
  }

  Values backward(const Values& gradient, std::size_t rows) override {
    Values before(input_.size());
    for (std::size_t row = 0; row < rows; ++row)
      for (std::size_t o = 0; o < out_; ++o) {
        const float* of = &gradient[(row * out_ + o) * small() * small()];
        for (std::size_t i = 0; i < small() * small(); ++i)
          bias_.gradient[o] += of[i];
        each_tap(row, o, [&](std::size_t tap, std::size_t from, std::size_t at) {
          for (std::size_t x = 0; x < small(); ++x) {
            kernels_.gradient[tap] += of[at + x] * input_[from + x];
            before[from + x] += of[at + x] * kernels_.values[tap];
          }
        });
      }
    return before;
  }

  std::vector<Weights*> weights() override { return {&kernels_, &bias_}; }

 private:
  [[nodiscard]] std::size_t small() const { return side_ - kKernel + 1; }

  // Calls `use` with a weight, a line of the input and a line of the output that it connects.
  template <typename Use>
  void each_tap(std::size_t row, std::size_t o, Use use) const {
    for (std::size_t i = 0; i < in_; ++i)
      for (std::size_t ky = 0; ky < kKernel; ++ky)
        for (std::size_t kx = 0; kx < kKernel; ++kx)
          for (std::size_t y = 0; y < small(); ++y)
            use(((o * in_ + i) * kKernel + ky) * kKernel + kx,
                ((row * in_ + i) * side_ + y + ky) * side_ + kx, y * small());
  }

  std::size_t in_, out_, side_;
  Weights kernels_, bias_;
  Values input_;
};

class Relu final : public Layer {
 public:
  Values forward(const Values& input, std::size_t) override {
    output_ = input;
    for (float& value : output_)
      value = std::max(value, 0.0F);
    return output_;
  }
  Values backward(const Values& gradient, std::size_t) override {
    Values before = gradient;
    for (std::size_t i = 0; i < before.size(); ++i)
      before[i] = output_[i] > 0 ? before[i] : 0;
    return before;
  }

 private:
  Values output_;
};

// The largest of each 2 x 2 pixels.
class MaxPool final : public Layer {
 public:
  explicit MaxPool(std::size_t side) : side_(side) {}

  Values forward(const Values& input, std::size_t) override {
    size_ = input.size();
    from_.clear();
    Values output;
    for (std::size_t plane = 0; plane < size_; plane += side_ * side_)
      for (std::size_t y = 0; y < side_; y += 2)
        for (std::size_t x = 0; x < side_; x += 2) {
          const std::size_t corner = plane + y * side_ + x;
          std::size_t best = corner;
          for (const std::size_t other : {corner + 1, corner + side_, corner + side_ + 1})
            best = input[other] > input[best] ? other : best;
          from_.push_back(best);
          output.push_back(input[best]);
        }
    return output;
  }
  Values backward(const Values& gradient, std::size_t) override {
    Values before(size_);
    for (std::size_t i = 0; i < from_.size(); ++i)
      before[from_[i]] += gradient[i];
    return before;
  }

 private:
  std::size_t side_, size_ = 0;
  std::vector<std::size_t> from_;
};

class Linear final : public Layer {
 public:
  Linear(std::size_t in, std::size_t out, std::mt19937& random)
      : in_(in), out_(out), matrix_(out * in, in, random), bias_(out, in, random) {}

  Values forward(const Values& input, std::size_t rows) override {
    input_ = input;
    Values output(rows * out_);
    for (std::size_t row = 0; row < rows; ++row)
      for (std::size_t o = 0; o < out_; ++o) {
        float sum = bias_.values[o];
        for (std::size_t i = 0; i < in_; ++i)
          sum += matrix_.values[o * in_ + i] * input[row * in_ + i];
        output[row * out_ + o] = sum;
      }
    return output;
  }
  Values backward(const Values& gradient, std::size_t rows) override {
    Values before(rows * in_);
    for (std::size_t row = 0; row < rows; ++row)
      for (std::size_t o = 0; o < out_; ++o) {
        const float of = gradient[row * out_ + o];
        bias_.gradient[o] += of;
        for (std::size_t i = 0; i < in_; ++i) {
          matrix_.gradient[o * in_ + i] += of * input_[row * in_ + i];
          before[row * in_ + i] += of * matrix_.values[o * in_ + i];
        }
      }
    return before;
  }
  std::vector<Weights*> weights() override { return {&matrix_, &bias_}; }

 private:
  std::size_t in_, out_;
  Weights matrix_, bias_;
  Values input_;
};

}  // namespace tutorial
