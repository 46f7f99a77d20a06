// SPDX-License-Identifier: Apache-2.0
// CostCurve: how long a batch of so many rows takes, as far as is known. CostLearner makes it from
// the batches that were run.
//
// A curve is known at some sizes (knots) and straight between them. It never falls: a batch costs
// no less than a smaller one. Plain values, no memory of their own, no threads: the queue uses them
// under its lock.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>

namespace muster {

// 1, 2, 3, 4, 6, 8, 12, 16, ... up to the largest size that there can be, 65536.
inline constexpr std::size_t kMaxCostKnots = 32;

struct CostKnot {
  std::int64_t rows = 0;
  std::chrono::nanoseconds typical{0};   // the mean, outliers cut; 0 = nothing is known
  std::chrono::nanoseconds cautious{0};  // all but one in a hundred are through by then
  double batches = 0;                    // that it was learned from
};

class CostCurve {
 public:
  // `max_rows`: at least 1, the last knot.
  explicit CostCurve(std::int64_t max_rows) noexcept;
  // What `knots` gave: at least one, ascending, at most kMaxCostKnots.
  explicit CostCurve(std::span<const CostKnot> knots) noexcept;

  [[nodiscard]] std::span<const CostKnot> knots() const& noexcept {
    return {knots_.data(), count_};
  }
  std::span<const CostKnot> knots() const&& = delete;
  [[nodiscard]] std::int64_t max_rows() const noexcept { return knots_[count_ - 1].rows; }
  // Something has been learned. Until then every cost is 0.
  [[nodiscard]] bool known() const noexcept { return known_; }

  // Of a batch of `rows` rows, 1 to max_rows. Below the smallest known size as for that size;
  // beyond the largest it goes on as straight as from the smallest to there.
  [[nodiscard]] std::chrono::nanoseconds typical(std::int64_t rows) const noexcept;
  [[nodiscard]] std::chrono::nanoseconds cautious(std::int64_t rows) const noexcept;
  // The most rows, up to `most`, whose cautious cost is within `length`; 0 = not even one.
  [[nodiscard]] std::int64_t rows_within(std::chrono::nanoseconds length,
                                         std::int64_t most) const noexcept;

 private:
  friend class CostLearner;
  using Cost = std::chrono::nanoseconds CostKnot::*;
  [[nodiscard]] std::chrono::nanoseconds at(std::int64_t rows, Cost cost) const noexcept;

  std::array<CostKnot, kMaxCostKnots> knots_{};
  std::size_t count_ = 0;
  bool known_ = false;
};

class CostLearner {
 public:
  explicit CostLearner(std::int64_t max_rows) noexcept;

  // A first guess, such as a run on zeros before the model serves: the first batch of about that
  // size counts as much.
  void guess(std::int64_t rows, std::chrono::nanoseconds length) noexcept;
  // A batch, from the moment when it was taken until it was answered. `rows` beyond the largest
  // knot count as that. Takes no memory.
  void learn(std::int64_t rows, std::chrono::nanoseconds length) noexcept;

  [[nodiscard]] const CostCurve& curve() const noexcept { return curve_; }

 private:
  // How much longer than typical batches took, by powers of kRatioStep from kLeastRatio on. Old
  // ones count less and less.
  static constexpr std::size_t kRatios = 48;
  struct Ratios {
    std::array<float, kRatios> weights{};
    float total = 0;

    void record(double ratio) noexcept;
  };

  void learn_typical(std::int64_t rows, double length) noexcept;
  void put(std::size_t knot, double typical, double batches) noexcept;
  void keep_rising(std::size_t low, std::size_t high) noexcept;
  void learn_caution(std::size_t knot, double ratio) noexcept;
  [[nodiscard]] double caution(const Ratios& own) const noexcept;

  CostCurve curve_;
  Ratios all_;
  std::array<Ratios, kMaxCostKnots> own_{};
  std::array<double, kMaxCostKnots> caution_{};  // cautious / typical
};

}  // namespace muster
