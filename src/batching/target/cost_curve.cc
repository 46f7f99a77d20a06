// SPDX-License-Identifier: Apache-2.0
#include "batching/target/cost_curve.h"

#include <algorithm>
#include <cmath>

namespace muster {
namespace {

using std::chrono::nanoseconds;

// A mean over about so many batches of a size, so that it follows a machine that becomes busy.
constexpr double kMemory = 20;
// What counts of a batch that took far longer, or was over at once: a process that was stopped, a
// page that had to be read. Where it stays so, the mean still gets there in a few dozen batches.
constexpr double kMostRatio = 2;
constexpr double kLeastCounted = 0.5;

constexpr double kQuantile = 0.99;
constexpr float kForget = 0.995F;  // so that about 200 batches of a size count
constexpr double kLeastRatio = 0.8;
constexpr double kRatioStep = 1.03;
// What is expected of a size that nothing is known of: as all sizes do, with that much weight.
constexpr float kBorrowed = 16;
// Before anything is known: a fifth more than typical.
constexpr double kFirstCaution = 1.2;

double as_double(nanoseconds length) {
  return static_cast<double>(length.count());
}
nanoseconds as_length(double value) {
  return nanoseconds(static_cast<std::int64_t>(std::llround(value)));
}

}  // namespace

CostCurve::CostCurve(std::int64_t max_rows) noexcept {
  const std::int64_t last = std::max<std::int64_t>(1, max_rows);
  const auto add = [&](std::int64_t rows) {
    if (rows < last && count_ + 1 < kMaxCostKnots) knots_[count_++].rows = rows;
  };
  add(1);
  for (std::int64_t power = 2; power < last && count_ + 1 < kMaxCostKnots; power *= 2) {
    add(power);
    add(power + power / 2);
  }
  knots_[count_++].rows = last;
}

CostCurve::CostCurve(std::span<const CostKnot> knots) noexcept {
  for (const CostKnot& knot : knots.first(std::min(knots.size(), kMaxCostKnots))) {
    knots_[count_++] = knot;
    known_ = known_ || knot.batches > 0;
  }
}

nanoseconds CostCurve::at(std::int64_t rows, Cost cost) const noexcept {
  const CostKnot* first = nullptr;
  const CostKnot* below = nullptr;
  const CostKnot* above = nullptr;
  for (const CostKnot& knot : knots()) {
    if (knot.batches == 0) continue;
    if (first == nullptr) first = &knot;
    if (knot.rows <= rows) below = &knot;
    if (knot.rows >= rows) {
      above = &knot;
      break;
    }
  }
  if (below == nullptr) return above == nullptr ? nanoseconds(0) : above->*cost;
  if (above == nullptr) {
    const double beyond = static_cast<double>(rows - below->rows);
    const double one_row = as_double(below->*cost) / static_cast<double>(below->rows);
    // From one size alone nothing can be seen: half of its cost is taken to be each row's own.
    double slope = one_row / 2;
    if (first != below) {
      slope = (as_double(below->*cost) - as_double(first->*cost)) /
              static_cast<double>(below->rows - first->rows);
    }
    return as_length(as_double(below->*cost) + std::clamp(slope, 0.0, one_row) * beyond);
  }
  if (above == below) return below->*cost;
  const double part =
      static_cast<double>(rows - below->rows) / static_cast<double>(above->rows - below->rows);
  return as_length(std::lerp(as_double(below->*cost), as_double(above->*cost), part));
}

nanoseconds CostCurve::typical(std::int64_t rows) const noexcept {
  return at(rows, &CostKnot::typical);
}

nanoseconds CostCurve::cautious(std::int64_t rows) const noexcept {
  return at(rows, &CostKnot::cautious);
}

std::int64_t CostCurve::rows_within(nanoseconds length, std::int64_t most) const noexcept {
  std::int64_t fits = 0;
  std::int64_t misfits = std::min(most, max_rows()) + 1;
  if (cautious(misfits - 1) <= length) return misfits - 1;
  while (misfits - fits > 1) {
    const std::int64_t middle = fits + (misfits - fits) / 2;
    (cautious(middle) <= length ? fits : misfits) = middle;
  }
  return fits;
}

void CostLearner::Ratios::record(double ratio) noexcept {
  for (float& weight : weights)
    weight *= kForget;
  const double step = std::log(std::max(ratio, kLeastRatio) / kLeastRatio) / std::log(kRatioStep);
  const auto place =
      std::min(kRatios - 1, static_cast<std::size_t>(std::ceil(std::max(0.0, step))));
  weights[place] += 1;
  total = total * kForget + 1;
}

CostLearner::CostLearner(std::int64_t max_rows) noexcept : curve_(max_rows) {
  caution_.fill(kFirstCaution);
}

void CostLearner::guess(std::int64_t rows, nanoseconds length) noexcept {
  if (rows < 1 || length.count() <= 0) return;
  std::size_t nearest = 0;
  for (std::size_t i = 0; i < curve_.count_; ++i) {
    if (curve_.knots_[i].rows <= rows) nearest = i;
  }
  if (curve_.knots_[nearest].rows != rows) return;  // between two knots there is one nearby
  // The first batch that is really run takes its place.
  constexpr double kWorth = 0.01;
  put(nearest, as_double(length), kWorth);
  keep_rising(nearest, nearest);
}

void CostLearner::learn(std::int64_t rows, nanoseconds length) noexcept {
  rows = std::clamp<std::int64_t>(rows, 1, curve_.max_rows());
  const double took = std::max(1.0, as_double(length));
  if (curve_.known_) {
    std::size_t nearest = 0;
    for (std::size_t i = 1; i < curve_.count_; ++i) {
      const std::int64_t middle = (curve_.knots_[i - 1].rows + curve_.knots_[i].rows + 1) / 2;
      if (rows >= middle) nearest = i;
    }
    learn_caution(nearest, took / std::max(1.0, as_double(curve_.typical(rows))));
  }
  learn_typical(rows, took);
}

// The two knots beside `rows` are moved by what they were wrong together, the nearer one more.
void CostLearner::learn_typical(std::int64_t rows, double length) noexcept {
  std::size_t high = 0;
  while (curve_.knots_[high].rows < rows)
    ++high;
  const std::size_t low = curve_.knots_[high].rows == rows ? high : high - 1;
  const auto& knots = curve_.knots_;
  const double expected = as_double(curve_.typical(rows));
  const double ratio = expected > 0 ? length / expected : 0;
  for (const std::size_t knot : {low, high}) {
    const double before = as_double(curve_.typical(knots[knot].rows));
    if (!curve_.known_) {
      put(knot, length, 1);
    } else {
      const double apart =
          static_cast<double>(std::max<std::int64_t>(1, knots[high].rows - knots[low].rows));
      const double distance = static_cast<double>(std::abs(rows - knots[knot].rows));
      const double nearness = 1 - distance / apart;
      const double batches = knots[knot].batches;
      const double gain = nearness / std::min(kMemory, batches + 1);
      // While little is known, there is nothing to call an outlier by.
      const double counted = batches < 3 ? ratio : std::clamp(ratio, kLeastCounted, kMostRatio);
      put(knot, before * (1 + gain * (counted - 1)), std::min(1e9, batches + nearness));
    }
    if (low == high) break;
  }
  keep_rising(low, high);
}

void CostLearner::put(std::size_t knot, double typical, double batches) noexcept {
  CostKnot& at = curve_.knots_[knot];
  at.typical = as_length(std::max(1.0, typical));
  at.cautious = as_length(std::max(1.0, typical) * caution_[knot]);
  at.batches = batches;
  curve_.known_ = true;
}

// What was just learned of low and high is believed; the others make way. A larger size costs no
// more than in proportion: a guess that is too high would otherwise never be tried, nor righted.
void CostLearner::keep_rising(std::size_t low, std::size_t high) noexcept {
  auto& knots = curve_.knots_;
  if (knots[high].typical < knots[low].typical) {
    knots[high].typical = knots[low].typical;
    knots[high].cautious = as_length(as_double(knots[high].typical) * caution_[high]);
  }
  for (std::size_t i = 0; i < curve_.count_; ++i) {
    if (knots[i].batches == 0 || (i >= low && i <= high)) continue;
    double typical = as_double(knots[i].typical);
    if (i < low) typical = std::min(typical, as_double(knots[low].typical));
    if (i > high) {
      const double most = as_double(knots[high].typical) * static_cast<double>(knots[i].rows) /
                          static_cast<double>(knots[high].rows);
      typical = std::clamp(typical, as_double(knots[high].typical), most);
    }
    knots[i].typical = as_length(typical);
    knots[i].cautious = as_length(typical * caution_[i]);
  }
  // Neither does the cautious cost fall from one size to the next.
  nanoseconds most{0};
  for (std::size_t i = 0; i < curve_.count_; ++i) {
    if (knots[i].batches == 0) continue;
    most = knots[i].cautious = std::max(knots[i].cautious, most);
  }
}

void CostLearner::learn_caution(std::size_t knot, double ratio) noexcept {
  all_.record(ratio);
  own_[knot].record(ratio);
  caution_[knot] = caution(own_[knot]);
}

double CostLearner::caution(const Ratios& own) const noexcept {
  const float borrowed = std::min(1.0F, kBorrowed / std::max(1.0F, all_.total));
  // Of the first batches, one in a hundred says nothing yet.
  const float missing = std::max(0.0F, kBorrowed - all_.total);
  const double all = own.total + borrowed * all_.total + missing;
  // One batch alone says nothing, however long it took.
  double slower = std::max(1.0 + static_cast<double>(borrowed), all * (1 - kQuantile));
  for (std::size_t i = kRatios; i-- > 0;) {
    slower -= static_cast<double>(own.weights[i] + borrowed * all_.weights[i]);
    const double ratio = kLeastRatio * std::pow(kRatioStep, static_cast<double>(i));
    if (missing > 0 && ratio <= kFirstCaution) return kFirstCaution;
    if (slower < 0) return std::max(1.0, ratio);
  }
  return kFirstCaution;
}

}  // namespace muster
