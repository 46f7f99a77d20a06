// SPDX-License-Identifier: Apache-2.0
// Lane: what one session owns of the GPU: a stream, pinned and device buffers, an engine's context,
// and a graph for each batch size. Several lanes are what overlaps copies and compute.
//
//   (input (take_from_device))* run output*            one thread at a time
//
//   stream:  copies in | engine | copies out | event   one launch where there is a graph of it
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include <muster/backend.h>

#include "backends/tensorrt/device/device.h"
#include "backends/tensorrt/engine/engine.h"
#include "backends/tensorrt/lanes/lane_body.h"
#include "backends/tensorrt/lanes/lane_plan.h"
#include "base/clock.h"

namespace muster::tensorrt {

class LaneSupply;

class Lane {
 public:
  // `supply` outlives it.
  static Result<std::unique_ptr<Lane>> make(LaneSupply& supply);
  ~Lane();

  [[nodiscard]] Result<std::span<std::byte>> input(std::size_t index, const Shape& shape,
                                                   std::size_t size);
  [[nodiscard]] Status take_from_device(std::size_t index, std::size_t offset,
                                        const DeviceBytes& bytes);
  [[nodiscard]] Status run();
  [[nodiscard]] Result<TensorView> output(std::size_t index) const;

 private:
  explicit Lane(LaneSupply& supply);
  void begin_batch();
  [[nodiscard]] Status shape_batch();
  [[nodiscard]] Status run_graph(const Graph& graph);
  [[nodiscard]] Status run_steps();
  [[nodiscard]] Status issue_steps(bool capturing);

  LaneSupply& supply_;
  std::unique_ptr<LaneBody> body_;  // taken from and given back to the supply
  // Of the batch at hand.
  std::vector<Shape> shapes_;
  std::int64_t rows_ = 0;         // 0 = the first axis does not count rows
  std::int64_t filled_rows_ = 0;  // that are run
  struct DeviceRange {
    std::size_t input;
    std::size_t offset;
    DeviceBytes bytes;
  };
  std::vector<DeviceRange> from_device_;
  std::vector<TensorView> outputs_;
};

}  // namespace muster::tensorrt
