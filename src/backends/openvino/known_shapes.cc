// SPDX-License-Identifier: Apache-2.0
#include "backends/openvino/known_shapes.h"

#include <algorithm>
#include <utility>

namespace muster::openvino {

bool agrees(const ov::PartialShape& expected, const Shape& shape) {
  if (expected.rank().is_dynamic()) return true;
  return std::equal(expected.begin(), expected.end(), shape.dims().begin(), shape.dims().end(),
                    [](const ov::Dimension& dim, std::int64_t actual) {
                      return dim.get_interval().contains(actual);
                    });
}

std::size_t KnownShapes::Hash::operator()(std::span<const Shape> shapes) const noexcept {
  // FNV-1a, by whole dimensions. Shapes that somebody chooses to collide cost at most the walk
  // over all that are kept.
  std::uint64_t hash = 0xcbf29ce484222325U;
  const auto add = [&](std::uint64_t value) {
    hash = (hash ^ value) * 0x100000001b3U;
    hash ^= hash >> 32U;
  };
  for (const Shape& shape : shapes) {
    add(shape.rank());
    for (const std::int64_t dim : shape.dims())
      add(static_cast<std::uint64_t>(dim));
  }
  return hash;
}

bool KnownShapes::Equal::operator()(std::span<const Shape> a,
                                    std::span<const Shape> b) const noexcept {
  return std::ranges::equal(a, b);
}

Result<std::shared_ptr<const ShapeVerdict>> KnownShapes::of(std::span<const Shape> inputs) {
  if (Verdict known = find(inputs)) return known;
  const MutexLock lock(inferring_);
  // Another thread may have brought the same shapes meanwhile.
  if (Verdict known = find(inputs)) return known;
  return infer(inputs);
}

std::uint64_t KnownShapes::inferences() const {
  const MutexLock lock(mutex_);
  return inferences_;
}

std::size_t KnownShapes::size() const {
  const MutexLock lock(mutex_);
  return kept_.size();
}

KnownShapes::Verdict KnownShapes::find(std::span<const Shape> inputs) {
  const MutexLock lock(mutex_);
  const auto found = kept_.find(inputs);
  if (found == kept_.end()) return nullptr;
  found->second.asked = ++questions_;
  return found->second.verdict;
}

Result<KnownShapes::Verdict> KnownShapes::infer(std::span<const Shape> inputs) {
  Result<std::vector<ov::PartialShape>> outputs = skeleton_.infer(inputs);
  auto verdict = std::make_shared<ShapeVerdict>();
  if (outputs.ok()) {
    verdict->outputs = *std::move(outputs);
  } else if (outputs.status().code() == StatusCode::kInvalidArgument) {
    verdict->refusal = outputs.status();
  } else {
    return outputs.status();
  }
  keep(inputs, verdict);
  return Verdict(std::move(verdict));
}

void KnownShapes::keep(std::span<const Shape> inputs, Verdict verdict) {
  const MutexLock lock(mutex_);
  ++inferences_;
  if (kept_.size() >= limit_) {
    // Each of them is looked at, which takes far less than the inference that went before.
    const auto oldest =
        std::ranges::min_element(kept_, {}, [](const auto& entry) { return entry.second.asked; });
    kept_.erase(oldest);
  }
  kept_.insert_or_assign(std::vector<Shape>(inputs.begin(), inputs.end()),
                         Kept{std::move(verdict), ++questions_});
}

}  // namespace muster::openvino
