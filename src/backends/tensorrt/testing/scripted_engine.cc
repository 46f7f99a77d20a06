// SPDX-License-Identifier: Apache-2.0
#include "backends/tensorrt/testing/scripted_engine.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace muster::tensorrt::testing {
namespace {

using Elements = std::vector<float>;

Elements load(const void* memory, std::size_t bytes) {
  Elements elements(bytes / sizeof(float));
  std::memcpy(elements.data(), memory, elements.size() * sizeof(float));
  return elements;
}

class ScriptedContext final : public EngineContext {
 public:
  ScriptedContext(ScriptedDevice& device, const EngineScript& script,
                  std::shared_ptr<std::atomic<std::size_t>> live)
      : device_(device), script_(script), live_(std::move(live)) {
    ++*live_;
    forget();
  }
  ~ScriptedContext() override {
    ++*state_;
    --*live_;
  }

  Status use_profile(int profile, const Stream&) override {
    if (profile < 0 || static_cast<std::size_t>(profile) >= script_.profiles.size()) {
      return invalid_argument("there is no such profile");
    }
    profile_ = static_cast<std::size_t>(profile);
    forget();
    return {};
  }

  Status set_input_shape(std::size_t port, const Shape& shape) override {
    const ProfileRange& range = script_.profiles[profile_];
    for (std::size_t axis = 0; axis < shape.rank(); ++axis) {
      if (shape[axis] < range.min[port][axis] || shape[axis] > range.max[port][axis])
        return invalid_argument("the shape is not in the profile");
    }
    ++*state_;
    shapes_[port] = shape;
    is_shaped_[port] = true;
    return {};
  }

  Result<Shape> output_shape(std::size_t port) const override {
    Shape shape = script_.ports[port].spec.shape;
    if (script_.ports[port].size_is_found) return shape;
    for (std::size_t axis = 0; axis < shape.rank(); ++axis) {
      if (shape[axis] != kDynamicDim) continue;
      if (!is_shaped_[0]) return failed_precondition("the first input has no shape");
      shape.set(axis, shapes_[0][axis]);
    }
    return shape;
  }

  Status bind(std::size_t port, void* memory) override {
    if (memory == nullptr) return invalid_argument("no memory");
    ++*state_;
    memory_[port] = memory;
    return {};
  }

  Status bind_growing(std::size_t port, OutputRoom& room) override {
    ++*state_;
    rooms_[port] = &room;
    return {};
  }

  Status use_activations(void* memory, std::size_t size) override {
    if (size < script_.activation_bytes) return invalid_argument("too few activations");
    ++*state_;
    activations_ = memory;
    return {};
  }

  Status enqueue(const Stream& in) override {
    MUSTER_RETURN_IF_ERROR(check_set());
    for (std::size_t i = 0; i < rooms_.size(); ++i) {
      if (rooms_[i] != nullptr) MUSTER_RETURN_IF_ERROR(find_size(i, in));
    }
    const auto rows = static_cast<std::size_t>(shapes_[0].rank() > 0 ? shapes_[0][0] : 1);
    MUSTER_ASSIGN_OR_RETURN(std::function<std::string()> work, work_of_now());
    return device_.compute(
        in, {rows, script_.per_run + script_.per_row * static_cast<std::int64_t>(rows),
             activations_, std::move(work)});
  }

 private:
  struct Piece {
    const void* memory;
    std::size_t bytes;
  };

  void forget() {
    ++*state_;
    const std::size_t count = script_.ports.size();
    shapes_.assign(count, Shape());
    is_shaped_.assign(count, false);
    memory_.assign(count, nullptr);
    rooms_.assign(count, nullptr);
  }

  Status check_set() const {
    if (activations_ == nullptr) return failed_precondition("there are no activations");
    for (std::size_t i = 0; i < script_.ports.size(); ++i) {
      if (script_.ports[i].is_input && !is_shaped_[i])
        return failed_precondition("an input has no shape");
      if (memory_[i] == nullptr && rooms_[i] == nullptr)
        return failed_precondition("a port has no memory");
    }
    return {};
  }

  // As the runtime does: it has to see the data before it knows how much room it wants.
  Status find_size(std::size_t port, const Stream& in) {
    MUSTER_RETURN_IF_ERROR(device_.wait_all(in));
    MUSTER_ASSIGN_OR_RETURN(const std::size_t bytes, byte_size(DataType::kFp32, shapes_[0]));
    const Elements x = load(memory_[0], bytes);
    const auto count = std::ranges::count_if(x, [](float value) { return value > 0; });
    memory_[port] = rooms_[port]->reserve(static_cast<std::size_t>(count) * sizeof(float));
    if (memory_[port] == nullptr) return internal_error("the engine got no room");
    rooms_[port]->shaped({count});
    return {};
  }

  // What the runtime would do with all that is set at this moment.
  Result<std::function<std::string()>> work_of_now() const {
    std::vector<Piece> inputs;
    struct Out {
      void* memory;
      std::size_t elements;
      bool found;
    };
    std::vector<Out> outputs;
    for (std::size_t i = 0; i < script_.ports.size(); ++i) {
      const EnginePort& port = script_.ports[i];
      if (port.is_input && !port.on_host && port.spec.type == DataType::kFp32) {
        MUSTER_ASSIGN_OR_RETURN(const std::size_t bytes, byte_size(DataType::kFp32, shapes_[i]));
        inputs.push_back({memory_[i], bytes});
      } else if (!port.is_input) {
        std::size_t count = 0;
        if (rooms_[i] == nullptr) {
          MUSTER_ASSIGN_OR_RETURN(const Shape shape, output_shape(i));
          MUSTER_ASSIGN_OR_RETURN(count, element_count(shape));
        }
        outputs.push_back({memory_[i], count, rooms_[i] != nullptr});
      }
    }
    const std::uint64_t made_for = *state_;
    return std::function<std::string()>([state = state_, made_for, inputs, outputs]() {
      if (*state != made_for) return std::string("a run of a context that was set anew since");
      Elements sum = load(inputs.front().memory, inputs.front().bytes);
      const Elements first = sum;
      for (std::size_t i = 1; i < inputs.size(); ++i) {
        const Elements more = load(inputs[i].memory, inputs[i].bytes);
        for (std::size_t k = 0; k < std::min(sum.size(), more.size()); ++k)
          sum[k] += more[k];
      }
      float times = 0;
      for (const Out& out : outputs) {
        times += 1;
        auto* const to = static_cast<float*>(out.memory);
        if (out.found) {
          std::ranges::copy_if(first, to, [](float value) { return value > 0; });
          continue;
        }
        for (std::size_t k = 0; k < std::min(sum.size(), out.elements); ++k)
          to[k] = times * sum[k];
      }
      return std::string();
    });
  }

  ScriptedDevice& device_;
  const EngineScript& script_;
  const std::shared_ptr<std::atomic<std::size_t>> live_;
  // Grows with all that is set; graphs outlive neither this context nor what it is set to.
  const std::shared_ptr<std::atomic<std::uint64_t>> state_ =
      std::make_shared<std::atomic<std::uint64_t>>(0);
  std::size_t profile_ = 0;
  std::vector<Shape> shapes_;
  std::vector<bool> is_shaped_;
  std::vector<void*> memory_;
  std::vector<OutputRoom*> rooms_;
  void* activations_ = nullptr;
};

}  // namespace

EngineScript rows_script(std::int64_t max, std::int64_t width, std::int64_t min) {
  EngineScript script;
  script.ports.push_back({{"x", DataType::kFp32, {kDynamicDim, width}, {}}, true, false, false});
  script.ports.push_back({{"y", DataType::kFp32, {kDynamicDim, width}, {}}, false, false, false});
  add_profile(script, min, max);
  return script;
}

void add_profile(EngineScript& script, std::int64_t min, std::int64_t max) {
  ProfileRange range;
  for (const EnginePort& port : script.ports) {
    if (!port.is_input) continue;
    const auto with = [&](std::int64_t rows) {
      Shape shape = port.spec.shape;
      if (shape.rank() > 0 && shape[0] == kDynamicDim) shape.set(0, rows);
      return shape;
    };
    range.min.push_back(with(min));
    range.best.push_back(with(max));
    range.max.push_back(with(max));
  }
  script.profiles.push_back(std::move(range));
}

Result<std::unique_ptr<EngineContext>> ScriptedEngine::new_context() const {
  if (fails_) return resource_exhausted("the scripted GPU has no memory for a context");
  ++made_;
  return std::make_unique<ScriptedContext>(device_, script_, live_);
}

}  // namespace muster::tensorrt::testing
