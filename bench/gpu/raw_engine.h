// SPDX-License-Identifier: Apache-2.0
// RawEngine: TensorRT alone, as fast as a program can call it. What Muster's backend is measured
// against.
//
// One input and one output, the first axis open. A CUDA graph of each batch; pinned memory; random
// values, as what a GPU computes with decides what it draws. Failures are exceptions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "bench/statistics.h"

namespace muster::bench {

// Memory of the GPU, of this process.
class GpuBytes {
 public:
  explicit GpuBytes(std::size_t size);
  GpuBytes(const GpuBytes&) = delete;
  GpuBytes& operator=(const GpuBytes&) = delete;
  ~GpuBytes();
  [[nodiscard]] std::byte* address() const noexcept { return address_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  void fill(std::span<const std::byte> bytes);

 private:
  std::byte* address_ = nullptr;
  std::size_t size_ = 0;
};

// The bytes of values as pictures have them: uint8 of any value, or float32 of 0 to 1.
[[nodiscard]] std::vector<std::byte> random_rows(std::size_t bytes, bool of_bytes);

class RawEngine {
 public:
  explicit RawEngine(const std::string& plan_file);
  ~RawEngine();

  struct Facts {
    std::string input;
    std::size_t row_bytes = 0;
    bool of_bytes = false;            // its elements are uint8
    std::vector<std::int64_t> shape;  // of the input, with -1 where it is open
    std::size_t output_row_bytes = 0;
  };
  [[nodiscard]] const Facts& facts() const noexcept;

  // One stream, with a context, its memory, and graphs of one batch size.
  class Lane;
  [[nodiscard]] std::unique_ptr<Lane> new_lane(std::int64_t batch);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

class RawEngine::Lane {
 public:
  Lane(Parts& engine, std::int64_t batch);
  ~Lane();
  [[nodiscard]] std::int64_t batch() const noexcept;
  // Return at once. `launch_copies`: input from pinned memory, output back to it.
  void launch_compute();
  void launch_copies();
  // The same without a graph.
  void enqueue_copies();
  // Two marks in the stream, 0 and 1; awaiting one sleeps until what came before it is done.
  void mark(int number);
  void await(int number);
  void wait_spinning();

 private:
  struct Own;
  std::unique_ptr<Own> own_;
};

// "NVIDIA H200", and how the GPU is called for good.
struct GpuFacts {
  std::string name;
  std::string uuid;
  std::string cuda;  // of the driver and of the runtime
};
[[nodiscard]] GpuFacts gpu_facts();
// "10.6.0.26"
[[nodiscard]] std::string raw_version();

}  // namespace muster::bench
