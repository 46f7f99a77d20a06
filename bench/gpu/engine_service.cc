// SPDX-License-Identifier: Apache-2.0
#include "bench/gpu/engine_service.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <utility>

#include <fmt/format.h>

#include <muster/backend.h>

#include "bench/calls.h"
#include "inference/tensor_source.h"

namespace muster::bench {
namespace {

namespace fs = std::filesystem;

class GpuSource final : public TensorSource {
 public:
  explicit GpuSource(const DeviceBytes& bytes) : TensorSource(bytes.size), bytes_(bytes) {}

  [[nodiscard]] const DeviceBytes* device_bytes() const noexcept override { return &bytes_; }
  // What is measured is the other way.
  [[nodiscard]] Status read(std::size_t /*offset*/, std::span<std::byte> /*into*/) const override {
    return internal_error("a picture on the GPU was to be read by the host");
  }

 private:
  const DeviceBytes bytes_;
};

std::string config_text(const ServiceShape& shape) {
  std::string text = fmt::format(
      "backend: \"tensorrt\"\nmax_batch_size: {}\n"
      "dynamic_batching {{ max_queue_delay_microseconds: {} }}\n",
      shape.max_batch_size, shape.delay_us);
  for (const auto& [key, value] : shape.parameters)
    text +=
        fmt::format("parameters {{ key: \"{}\" value {{ string_value: \"{}\" }} }}\n", key, value);
  return text;
}

TemporaryFolder model_folder(const ServiceShape& shape) {
  TemporaryFolder folder = expect(TemporaryFolder::make("muster-bench"));
  lay_out_model(folder.path(), shape);
  return folder;
}

}  // namespace

void lay_out_model(const fs::path& folder, const ServiceShape& shape) {
  fs::create_directories(folder / "1");
  fs::copy_file(shape.plan, folder / "1" / "model.plan");
  std::ofstream(folder / "config.pbtxt") << config_text(shape);
}

EngineService::EngineService(const ServiceShape& shape)
    : folder_(model_folder(shape)), service_(expect(ModelService::open(folder_.path().string()))) {}

Pictures::Pictures(const RawEngine::Facts& facts, std::int64_t count, std::int64_t rows,
                   bool on_gpu)
    : input_(facts.input),
      row_bytes_(facts.row_bytes),
      rows_(rows),
      places_(static_cast<std::size_t>(std::max<std::int64_t>(1, count / rows))),
      type_(facts.of_bytes ? DataType::kUint8 : DataType::kFp32),
      shape_(std::span<const std::int64_t>(facts.shape)),
      host_(
          random_rows(facts.row_bytes * places_ * static_cast<std::size_t>(rows), facts.of_bytes)) {
  shape_.set(0, rows);
  if (!on_gpu) return;
  gpu_ = std::make_unique<GpuBytes>(host_.size());
  gpu_->fill(host_);
}

InferRequest Pictures::request(std::size_t place) const {
  const std::size_t size = row_bytes_ * static_cast<std::size_t>(rows_);
  const std::size_t begin = place % places_ * size;
  InferRequest request;
  if (gpu_ == nullptr) {
    request.add_input(input_, TensorView{type_, shape_, std::span(host_).subspan(begin, size)});
    return request;
  }
  request.inputs.push_back(
      {input_, TensorView{type_, shape_, {}},
       std::make_shared<GpuSource>(DeviceBytes{0, gpu_->address() + begin, size})});
  return request;
}

}  // namespace muster::bench
