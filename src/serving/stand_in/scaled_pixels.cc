// SPDX-License-Identifier: Apache-2.0
#include "serving/stand_in/scaled_pixels.h"

#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "tensor/float_elements.h"

namespace muster {
namespace {

constexpr std::size_t kRank = 4;
constexpr std::size_t kPixels = 256;  // different ones

// What each pixel of each channel becomes, as the model's bytes.
struct PixelTable {
  DataType type = DataType::kInvalid;
  std::size_t axis = 1;  // that counts channels
  std::size_t channels = 0;
  std::size_t width = 0;  // bytes of an element
  std::vector<std::byte> elements;

  void scale(std::span<const std::byte> pixels, const Shape& shape,
             std::span<std::byte> into) const {
    // How many pixels in a row are of one channel.
    std::size_t run = 1;
    for (std::size_t i = axis + 1; i < shape.rank(); ++i)
      run *= static_cast<std::size_t>(shape[i]);
    std::size_t at = 0;
    for (std::size_t channel = 0; at < pixels.size(); channel = (channel + 1) % channels) {
      const std::byte* const row = elements.data() + channel * kPixels * width;
      for (const std::size_t end = at + run; at < end; ++at)
        std::memcpy(&into[at * width], row + std::to_integer<std::size_t>(pixels[at]) * width,
                    width);
    }
  }
};

class ScalingSession final : public Session {
 public:
  ScalingSession(std::unique_ptr<Session> session, std::shared_ptr<const PixelTable> table)
      : session_(std::move(session)), table_(std::move(table)) {}

  Result<std::span<std::byte>> prepare_input(std::size_t index, const Shape& shape,
                                             std::size_t size) override {
    MUSTER_ASSIGN_OR_RETURN(const std::size_t expected, byte_size(DataType::kUint8, shape));
    if (index != 0 || size != expected || shape.rank() != kRank ||
        static_cast<std::size_t>(shape[table_->axis]) != table_->channels) {
      return invalid_argument("pictures of " + shape.to_string() + " and " + std::to_string(size) +
                              " bytes are none that the model takes");
    }
    if (pixels_.size() < size) {
      MUSTER_ASSIGN_OR_RETURN(pixels_, Buffer::allocate(size));
    }
    shape_ = shape;
    return pixels_.bytes().first(size);
  }
  Status run() override {
    if (!shape_) return failed_precondition("run() was called before the input was prepared");
    const Shape shape = *std::exchange(shape_, std::nullopt);
    MUSTER_ASSIGN_OR_RETURN(const std::size_t size, byte_size(table_->type, shape));
    MUSTER_ASSIGN_OR_RETURN(const auto room, session_->prepare_input(0, shape, size));
    table_->scale(pixels_.bytes().first(size / table_->width), shape, room);
    return session_->run();
  }
  [[nodiscard]] Result<TensorView> output(std::size_t index) override {
    return session_->output(index);
  }

 private:
  const std::unique_ptr<Session> session_;
  const std::shared_ptr<const PixelTable> table_;
  Buffer pixels_;
  std::optional<Shape> shape_;
};

class ScalingModel final : public CompiledModel {
 public:
  ScalingModel(std::shared_ptr<const CompiledModel> model, PixelTable table)
      : model_(std::move(model)),
        table_(std::make_shared<const PixelTable>(std::move(table))),
        signature_(model_->signature()) {
    signature_.inputs.front().type = DataType::kUint8;
  }

  [[nodiscard]] const ModelSignature& signature() const override { return signature_; }
  [[nodiscard]] Result<std::unique_ptr<Session>> new_session() const override {
    MUSTER_ASSIGN_OR_RETURN(std::unique_ptr<Session> session, model_->new_session());
    return std::make_unique<ScalingSession>(std::move(session), table_);
  }
  [[nodiscard]] bool sessions_are_thread_bound() const override {
    return model_->sessions_are_thread_bound();
  }
  [[nodiscard]] bool gains_from_warm_up() const override { return model_->gains_from_warm_up(); }
  [[nodiscard]] std::string accelerators() const override { return model_->accelerators(); }
  [[nodiscard]] ComputeThreads threads() const override { return model_->threads(); }
  [[nodiscard]] std::string precision() const override { return model_->precision(); }
  [[nodiscard]] CompiledCacheUse compiled_cache_use() const override {
    return model_->compiled_cache_use();
  }
  [[nodiscard]] int sessions_per_instance() const override {
    return model_->sessions_per_instance();
  }
  [[nodiscard]] BatchRange batch_range() const override { return model_->batch_range(); }
  [[nodiscard]] bool scales_pixels() const override { return true; }
  [[nodiscard]] DeviceMemoryUse device_memory() const override { return model_->device_memory(); }

 private:
  const std::shared_ptr<const CompiledModel> model_;
  const std::shared_ptr<const PixelTable> table_;
  ModelSignature signature_;
};

// The second axis, or the last.
std::optional<std::size_t> channel_axis(const Shape& shape) {
  if (shape.rank() != kRank) return std::nullopt;
  for (const std::size_t axis : {std::size_t{1}, kRank - 1}) {
    if (shape[axis] == 1 || shape[axis] == 3) return axis;
  }
  return std::nullopt;
}

// The channel's own, or the one that stands for all.
float value_of(const std::vector<double>& values, std::size_t channel) {
  return static_cast<float>(values.size() == 1 ? values.front() : values[channel]);
}

}  // namespace

Result<std::shared_ptr<const CompiledModel>> with_scaled_pixels(
    std::shared_ptr<const CompiledModel> model, const PixelScaling& pixels) {
  const std::vector<TensorSpec>& inputs = model->signature().inputs;
  const auto axis = inputs.size() == 1 ? channel_axis(inputs.front().shape) : std::nullopt;
  if (!axis || !is_floating(inputs.front().type)) {
    return invalid_argument(
        "pixels cannot be scaled for it: it has not one floating-point input "
        "of pictures");
  }
  PixelTable table;
  table.type = inputs.front().type;
  table.axis = *axis;
  table.channels = static_cast<std::size_t>(inputs.front().shape[*axis]);
  table.width = element_size(table.type);
  for (const std::vector<double>& values : {pixels.mean, pixels.std}) {
    if (values.size() == 1 || values.size() == table.channels) continue;
    return invalid_argument("image.mean or image.std has " + std::to_string(values.size()) +
                            " values, and the pictures have " + std::to_string(table.channels) +
                            " channels");
  }
  table.elements.resize(table.channels * kPixels * table.width);
  for (std::size_t i = 0; i < table.channels * kPixels; ++i) {
    const std::size_t channel = i / kPixels;
    const float factor = static_cast<float>(
        pixels.scale / (pixels.std.size() == 1 ? pixels.std.front() : pixels.std[channel]));
    const float value = (static_cast<float>(i % kPixels) - value_of(pixels.mean, channel)) * factor;
    store_float(table.type, static_cast<double>(value), table.elements.data() + i * table.width);
  }
  return std::make_shared<const ScalingModel>(std::move(model), std::move(table));
}

}  // namespace muster
