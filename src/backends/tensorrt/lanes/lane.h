// SPDX-License-Identifier: Apache-2.0
// Lane: what one session owns of the GPU: a stream, pinned and device buffers, an engine's context,
// and a graph for each batch size. Several lanes are what overlaps copies and compute.
//
//   (input (take_from_device)*)* run output*            one thread at a time
//
//   stream:  copies in | engine | copies out | event    one launch where there is a graph of it
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include <muster/backend.h>

#include "backends/tensorrt/device/device.h"
#include "backends/tensorrt/engine/engine.h"
#include "backends/tensorrt/lanes/lane_body.h"
#include "backends/tensorrt/lanes/lane_plan.h"
#include "base/clock.h"

namespace muster::tensorrt {

class ComputeTurn;
class LaneSupply;

class Lane {
 public:
  // `supply` outlives it.
  static Result<std::unique_ptr<Lane>> make(LaneSupply& supply);
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;
  ~Lane();

  // As Session has them.
  [[nodiscard]] Result<std::span<std::byte>> input(std::size_t index, const Shape& shape,
                                                   std::size_t size);
  // In ascending order of `offset` for each input.
  [[nodiscard]] Status take_from_device(std::size_t index, std::size_t offset,
                                        const DeviceBytes& bytes);
  [[nodiscard]] Status run();
  [[nodiscard]] Result<TensorView> output(std::size_t index) const;

 private:
  struct DeviceRange {
    std::size_t input;
    std::size_t offset;
    DeviceBytes bytes;
  };

  explicit Lane(LaneSupply& supply);
  void begin_batch();
  [[nodiscard]] Status check_input(std::size_t index, const Shape& shape, std::size_t size) const;
  [[nodiscard]] Status run_batch();
  [[nodiscard]] Status count_rows();
  void fill_up();
  // That this batch has to take, or null.
  [[nodiscard]] ComputeTurn* turn() const noexcept;
  [[nodiscard]] Result<const ContextSetting*> issue();
  [[nodiscard]] Status issue_steps(const ContextSetting& setting, const Graph* engine,
                                   ComputeTurn* turn);
  [[nodiscard]] Status copy_input(const ContextSetting& setting, std::size_t index);
  [[nodiscard]] Status await_done();
  [[nodiscard]] Status collect(const ContextSetting& setting);
  [[nodiscard]] Status collect_growing(std::size_t port, TensorView& view);
  void recover(const Status& status);

  LaneSupply& supply_;
  std::unique_ptr<LaneBody> body_;  // taken from and given back to the supply
  // Of the batch at hand, by input.
  std::vector<Shape> shapes_;
  std::vector<std::size_t> sizes_;
  std::vector<bool> prepared_;
  std::size_t prepared_count_ = 0;
  std::vector<DeviceRange> from_device_;
  std::vector<Shape> filled_shapes_;  // as they are run
  std::int64_t rows_ = 0;             // 0 = the first axis does not count rows, or there are none
  std::int64_t filled_rows_ = 0;      // that are run
  bool issued_ = false;               // something of it may be under way
  // After a run, by output.
  bool ran_ = false;
  std::vector<TensorView> outputs_;
  // What the last batch of about so many rows took, by their logarithm.
  std::array<Clock::Duration, 64> took_;
};

}  // namespace muster::tensorrt
