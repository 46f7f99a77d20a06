// SPDX-License-Identifier: Apache-2.0
// KnownShapes: what runs of a model give for the shapes of inputs that came so far, and which of
// these it does not take. Any thread.
//
// A shape is inferred when it first comes, by one thread at a time, and then looked up, without an
// allocation. At most a limit of them are kept: beyond it the one that was asked for longest ago
// goes, and is inferred anew if it comes again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include <openvino/core/partial_shape.hpp>

#include <muster/status.h>
#include <muster/tensor.h>

#include "backends/openvino/skeleton.h"
#include "base/mutex.h"
#include "base/thread_annotations.h"

namespace muster::openvino {

// As many as there are prepared operators of a stream.
inline constexpr std::size_t kMaxKnownShapes = 1024;

// Of a run with inputs of certain shapes.
struct ShapeVerdict {
  Status refusal;                         // not ok: it must not take place
  std::vector<ov::PartialShape> outputs;  // in order; open where values decide
};

// Whether an output may come out with that shape.
[[nodiscard]] bool agrees(const ov::PartialShape& expected, const Shape& shape);

class KnownShapes {
 public:
  explicit KnownShapes(Skeleton skeleton, std::size_t limit = kMaxKnownShapes)
      : limit_(limit), skeleton_(std::move(skeleton)) {}

  // An error of its own only where memory ran out, which is not kept.
  [[nodiscard]] Result<std::shared_ptr<const ShapeVerdict>> of(std::span<const Shape> inputs);

  // So far.
  [[nodiscard]] std::uint64_t inferences() const;
  [[nodiscard]] std::size_t size() const;

 private:
  struct Kept {
    std::shared_ptr<const ShapeVerdict> verdict;
    std::uint64_t asked = 0;  // the count of questions at the last one
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::span<const Shape> shapes) const noexcept;
  };
  struct Equal {
    using is_transparent = void;
    bool operator()(std::span<const Shape> a, std::span<const Shape> b) const noexcept;
  };
  using Verdict = std::shared_ptr<const ShapeVerdict>;

  [[nodiscard]] Verdict find(std::span<const Shape> inputs);
  [[nodiscard]] Result<Verdict> infer(std::span<const Shape> inputs) MUSTER_REQUIRES(inferring_);
  void keep(std::span<const Shape> inputs, Verdict verdict);

  const std::size_t limit_;

  // Held while shapes are inferred, which may take milliseconds; before mutex_.
  Mutex inferring_;
  Skeleton skeleton_ MUSTER_GUARDED_BY(inferring_);

  mutable Mutex mutex_;
  std::unordered_map<std::vector<Shape>, Kept, Hash, Equal> kept_ MUSTER_GUARDED_BY(mutex_);
  std::uint64_t questions_ MUSTER_GUARDED_BY(mutex_) = 0;
  std::uint64_t inferences_ MUSTER_GUARDED_BY(mutex_) = 0;
};

}  // namespace muster::openvino
