// SPDX-License-Identifier: Apache-2.0
// A ModelService on an engine, and requests for it: pictures in the host's memory, or on the GPU.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <muster/service.h>

#include "base/temporary_folder.h"
#include "bench/gpu/raw_engine.h"

namespace muster::bench {

struct ServiceShape {
  std::string plan;  // the engine's file
  std::int64_t max_batch_size = 0;
  int delay_us = 0;
  std::map<std::string, std::string> parameters;  // of the backend
};

// The engine as a model's folder, which is made.
void lay_out_model(const std::filesystem::path& folder, const ServiceShape& shape);

// A model folder of the engine, which lasts as long as the service.
class EngineService {
 public:
  explicit EngineService(const ServiceShape& shape);
  [[nodiscard]] ModelService& service() noexcept { return *service_; }

 private:
  TemporaryFolder folder_;
  std::unique_ptr<ModelService> service_;
};

// Requests of `rows` rows each, which begin at different places of the same random pictures.
class Pictures {
 public:
  // `count`: that many pictures there are.
  Pictures(const RawEngine::Facts& facts, std::int64_t count, std::int64_t rows, bool on_gpu);
  [[nodiscard]] InferRequest request(std::size_t place) const;

 private:
  const std::string input_;
  const std::size_t row_bytes_;
  const std::int64_t rows_;
  const std::size_t places_;
  DataType type_ = DataType::kInvalid;
  Shape shape_;
  std::vector<std::byte> host_;
  std::unique_ptr<GpuBytes> gpu_;
};

}  // namespace muster::bench
