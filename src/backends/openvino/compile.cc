// SPDX-License-Identifier: Apache-2.0
#include "backends/openvino/compile.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <sstream>
#include <system_error>
#include <utility>

#include <openvino/core/version.hpp>
#include <openvino/runtime/intel_cpu/properties.hpp>
#include <openvino/runtime/properties.hpp>

#include "backends/openvino/describe.h"
#include "backends/openvino/error.h"
#include "backends/openvino/integer_range.h"
#include "base/log.h"
#include "base/text.h"

namespace muster::openvino {
namespace {

constexpr const char* kDevice = "CPU";
constexpr std::string_view kMaxBatchSize = "max_batch_size";
// Prepared operators that a stream keeps for shapes to come, by the runtime's default 5000: a
// quarter of a megabyte each were seen. With too few of them every other shape is prepared anew.
constexpr const char* kPreparedOperators = "1024";

ov::element::Type element_of(Precision precision) {
  if (precision == Precision::kFp16) return ov::element::f16;
  if (precision == Precision::kBf16) return ov::element::bf16;
  return ov::element::f32;
}

ov::AnyMap properties(const Options& options) {
  ov::AnyMap map = {
      ov::num_streams(ov::streams::Num(options.streams)),
      ov::inference_num_threads(options.threads),
      ov::hint::performance_mode(options.hint == Hint::kLatency
                                     ? ov::hint::PerformanceMode::LATENCY
                                     : ov::hint::PerformanceMode::THROUGHPUT),
      ov::hint::inference_precision(element_of(options.precision)),
      ov::hint::enable_cpu_pinning(options.pin_threads),
      ov::intel_cpu::denormals_optimization(options.denormals_as_zero),
  };
  map["CPU_RUNTIME_CACHE_CAPACITY"] = std::string(kPreparedOperators);
  return map;
}

// All that decides what comes out, but for the model's files.
std::string description_of(ov::Core& core, const CompileOrder& order) {
  std::string text = "runtime " + std::string(ov::get_openvino_version().buildNumber) + "\n";
  text += "device " + core.get_property(kDevice, ov::device::full_name) + "\n";
  for (const std::string& capability : core.get_property(kDevice, ov::device::capabilities))
    text += "can " + capability + "\n";
  std::map<std::string, std::string> sorted;
  for (const auto& [name, value] : properties(order.options))
    sorted.emplace(name, value.as<std::string>());
  for (const auto& [name, value] : sorted)
    text += name + " = " + value + "\n";
  if (order.options.reshape_inputs) {
    for (const TensorSpec& input : order.config.inputs) {
      text += "input " + std::to_string(input.name.size()) + " " + input.name + " " +
              input.shape.to_string() + "\n";
    }
  }
  return text;
}

DigestBytes key_of(std::string_view description, const DigestBytes& files,
                   std::int64_t batch_size) {
  Digest digest;
  digest.add(files);
  digest.add(description);
  digest.add("batch " + std::to_string(batch_size) + "\n");
  return digest.finish();
}

// A model's batch axis as it should be compiled: open, or of one size.
void set_batch_axis(ov::Model& model, std::int64_t batch_size) {
  std::map<ov::Output<ov::Node>, ov::PartialShape> shapes;
  for (const ov::Output<ov::Node>& input : model.inputs()) {
    ov::PartialShape shape = input.get_partial_shape();
    shape[0] = batch_size == kDynamicDim ? ov::Dimension::dynamic() : ov::Dimension(batch_size);
    shapes.emplace(input, std::move(shape));
  }
  model.reshape(shapes);
}

Status reshape_as_configured(ov::Model& model, const ModelConfig& config) {
  std::map<ov::Output<ov::Node>, ov::PartialShape> shapes;
  for (const ov::Output<ov::Node>& input : model.inputs()) {
    const std::string name = name_of(input);
    const auto listed = std::ranges::find(config.inputs, name, &TensorSpec::name);
    if (listed == config.inputs.end()) continue;
    ov::PartialShape shape;
    for (const std::int64_t dim : listed->shape.dims())
      shape.push_back(dim == kDynamicDim ? ov::Dimension::dynamic() : ov::Dimension(dim));
    shapes.emplace(input, std::move(shape));
  }
  const Status status = guarded([&] { model.reshape(shapes); });
  if (status.ok()) return status;
  return invalid_argument("RESHAPE_IO_LAYERS: it does not take the shapes of the configuration: " +
                          std::string(status.message()));
}

// The batch axis is all that is open, so that with it fixed every shape is.
bool only_batch_is_open(const ModelSignature& signature) {
  return signature.has_batch_axis() &&
         std::ranges::none_of(signature.inputs, [](const TensorSpec& input) {
           return input.shape.without_first().has_dynamic_dim();
         });
}

std::uint64_t bytes_of(const ModelFiles& files) {
  std::uint64_t bytes = 0;
  std::vector<std::string> paths = files.further;
  paths.push_back(files.model);
  if (!files.weights.empty()) paths.push_back(files.weights);
  for (const std::string& path : paths) {
    std::error_code error;
    const std::uintmax_t size = std::filesystem::file_size(path, error);
    if (!error) bytes += size;
  }
  return bytes;
}

// One compilation under way: reads the model once, and only if a variant is not in the cache.
class Compiler {
 public:
  Compiler(ov::Core& core, const CompileOrder& order) : core_(core), order_(order) {}

  // Once more with another of these where that is not known.
  [[nodiscard]] bool all_of_same_files() const {
    // Those of the cache are of one digest, and those that were read are of one reading.
    if (cache_use_.hits == 0 || model_ == nullptr) return true;
    const Result<DigestBytes> now = digest_of(order_.files);
    return now.ok() && *now == files_;
  }

  Result<Compilation> compile() {
    if (order_.cache) {
      MUSTER_ASSIGN_OR_RETURN(files_, digest_of(order_.files));
      MUSTER_RETURN_IF_ERROR(guarded([&] { description_ = description_of(core_, order_); }));
    }
    Compilation made;
    MUSTER_ASSIGN_OR_RETURN(ov::CompiledModel open, variant(kDynamicDim));
    MUSTER_ASSIGN_OR_RETURN(made.signature, describe(open.inputs(), open.outputs()));
    MUSTER_RETURN_IF_ERROR(guarded([&] {
      made.precision = open.get_property(ov::hint::inference_precision).get_type_name();
    }));
    const Detour detour = detour_of(open);
    made.variants.push_back({kDynamicDim, std::move(open), detour});
    if (order_.options.pad_batches) MUSTER_RETURN_IF_ERROR(open_fixed_batch(made));
    MUSTER_ASSIGN_OR_RETURN(const std::vector<std::int64_t> sizes, static_sizes(made.signature));
    for (const std::int64_t size :
         made.padded_batch_size > 0 ? std::vector<std::int64_t>() : sizes) {
      MUSTER_RETURN_IF_ERROR(add_fixed(size, made));
    }
    MUSTER_RETURN_IF_ERROR(know_shapes(made));
    made.cache_use = cache_use_;
    return made;
  }

 private:
  // What was compiled for open shapes does not check all that come, so that the model itself is
  // wanted, also where everything was in the cache.
  Status know_shapes(Compilation& made) {
    bool open = false;
    MUSTER_RETURN_IF_ERROR(guarded([&] {
      open = std::ranges::any_of(made.variants[0].compiled.inputs(), [](const auto& input) {
        return input.get_partial_shape().is_dynamic();
      });
    }));
    if (!open) return {};
    MUSTER_RETURN_IF_ERROR(read());
    MUSTER_ASSIGN_OR_RETURN(Skeleton skeleton, Skeleton::of(*model_));
    return guarded([&] { made.known_shapes = std::make_shared<KnownShapes>(std::move(skeleton)); });
  }

  // A size that nobody asked for is passed over where the model does not take it: batches of it run
  // on the variant for any size, which may hold only multiples of some number.
  Status add_fixed(std::int64_t size, Compilation& made) {
    Result<ov::CompiledModel> fixed = variant(size);
    if (fixed.ok()) {
      const Detour detour = detour_of(*fixed);
      made.variants.push_back({size, std::move(fixed).value(), detour});
      return {};
    }
    // Without a model it is the file that failed, and not the size.
    if (order_.options.static_batch_sizes || model_ == nullptr) return fixed.status();
    log(LogLevel::kInfo, printable(order_.files.model) + ": not compiled for batches of " +
                             std::to_string(size) + ": " + std::string(fixed.status().message()));
    return {};
  }

  Result<std::vector<std::int64_t>> static_sizes(const ModelSignature& signature) const {
    const auto& said = order_.options.static_batch_sizes;
    const std::int64_t most = order_.config.batching.max_batch_size;
    if (only_batch_is_open(signature)) {
      if (said) return *said;
      // Said to be 0, the open axis counts no rows, and its sizes may be any.
      const bool counts_rows = most > 0 || !order_.config.parameter_lines.contains(kMaxBatchSize);
      if (counts_rows && bytes_of(order_.files) <= kSmallModelBytes) return small_model_sizes(most);
    } else if (said && !said->empty()) {
      return invalid_argument(
          "STATIC_BATCH_SIZES is given, but the batch axis is not the one open axis of every "
          "input");
    }
    return std::vector<std::int64_t>();
  }

  // The file's batch is fixed: batches of up to that many rows are served with it.
  Status open_fixed_batch(Compilation& made) const {
    const std::int64_t most = order_.config.batching.max_batch_size;
    const auto refuse = [](const TensorSpec& tensor) {
      return invalid_argument("ENABLE_BATCH_PADDING is YES, but '" + printable(tensor.name) +
                              "' has shape " + tensor.shape.to_string() +
                              ", where every tensor must begin with the same fixed batch size");
    };
    ModelSignature& signature = made.signature;
    const Shape first = signature.inputs.empty() ? Shape() : signature.inputs[0].shape;
    const std::int64_t size = first.rank() == 0 ? kDynamicDim : first[0];
    for (std::vector<TensorSpec>* list : {&signature.inputs, &signature.outputs}) {
      for (TensorSpec& tensor : *list) {
        if (tensor.shape.rank() == 0 || tensor.shape[0] != size || size < 1) return refuse(tensor);
        tensor.shape.set(0, kDynamicDim);
      }
    }
    if (most > size) {
      return invalid_argument("ENABLE_BATCH_PADDING is YES and max_batch_size is " +
                              std::to_string(most) + ", but the file's batch is " +
                              std::to_string(size) + "; set max_batch_size to no more");
    }
    made.padded_batch_size = size;
    return {};
  }

  Result<ov::CompiledModel> variant(std::int64_t batch_size) {
    const DigestBytes key = order_.cache ? key_of(description_, files_, batch_size) : DigestBytes();
    std::string fault;
    if (order_.cache) {
      if (std::optional<ov::CompiledModel> found = from_cache(key, fault)) {
        ++cache_use_.hits;
        return *std::move(found);
      }
    }
    MUSTER_RETURN_IF_ERROR(read());
    std::shared_ptr<ov::Model> model = model_;
    if (batch_size != kDynamicDim) {
      const Status fixed = guarded([&] {
        model = model_->clone();
        set_batch_axis(*model, batch_size);
      });
      if (!fixed.ok()) return fixed.with_context("a fixed batch of " + std::to_string(batch_size));
    }
    ov::CompiledModel compiled;
    MUSTER_RETURN_IF_ERROR(guarded(
        [&] { compiled = core_.compile_model(model, kDevice, properties(order_.options)); }));
    if (order_.cache) {
      ++(fault.empty() ? cache_use_.misses : cache_use_.rebuilt);
      keep(key, compiled);
    }
    return compiled;
  }

  Status read() {
    if (model_ != nullptr) return {};
    if (order_.before_reading) order_.before_reading();
    std::shared_ptr<ov::Model> model;
    MUSTER_RETURN_IF_ERROR(
        guarded([&] { model = core_.read_model(order_.files.model, order_.files.weights); }));
    MUSTER_RETURN_IF_ERROR(check_constants(*model));
    if (order_.options.reshape_inputs) {
      MUSTER_RETURN_IF_ERROR(reshape_as_configured(*model, order_.config));
    }
    model_ = std::move(model);
    return {};
  }

  // `fault`: of an entry that is there and cannot be used; else it stays empty.
  std::optional<ov::CompiledModel> from_cache(const DigestBytes& key, std::string& fault) const {
    std::optional<std::string> content = order_.cache->find(key, fault);
    std::optional<ov::CompiledModel> compiled;
    if (content) {
      const Status imported = guarded([&] {
        std::istringstream stream(*std::move(content));
        compiled = core_.import_model(stream, kDevice, properties(order_.options));
      });
      if (!imported.ok()) fault = "is not taken by the runtime: " + std::string(imported.message());
    }
    if (!fault.empty()) {
      log(LogLevel::kWarning, printable(order_.files.model) + ": the compiled model " +
                                  as_text(key) + " in the cache " + fault + "; compiled anew");
    }
    return compiled;
  }

  // What can't be kept is compiled again the next time: no reason to refuse the model.
  void keep(const DigestBytes& key, ov::CompiledModel& compiled) const {
    const Result<DigestBytes> now = digest_of(order_.files);
    // The files were replaced while they were read: what was compiled belongs to no known bytes.
    if (!now.ok() || *now != files_) return;
    Status kept;
    const Status exported = guarded([&] {
      std::ostringstream stream;
      compiled.export_model(stream);
      kept = order_.cache->store(key, stream.view());
    });
    for (const Status& status : {exported, kept}) {
      if (status.ok()) continue;
      log(LogLevel::kWarning, printable(order_.files.model) + ": the compiled model is not kept: " +
                                  std::string(status.message()));
    }
  }

  ov::Core& core_;
  const CompileOrder& order_;
  DigestBytes files_{};
  std::string description_;
  std::shared_ptr<ov::Model> model_;
  CompiledCacheUse cache_use_;
};

}  // namespace

std::vector<std::int64_t> small_model_sizes(std::int64_t max_batch_size) {
  std::vector<std::int64_t> sizes = {1, 2, 4, 8};
  if (max_batch_size > 0)
    std::erase_if(sizes, [&](std::int64_t size) { return size > max_batch_size; });
  return sizes;
}

Result<Compilation> compile(ov::Core& core, const CompileOrder& order) {
  for (int reading = 0; reading < kMaxReadings; ++reading) {
    Compiler compiler(core, order);
    Result<Compilation> made = compiler.compile();
    if (compiler.all_of_same_files()) return made;
  }
  return failed_precondition("its files were replaced while they were read, " +
                             std::to_string(kMaxReadings) +
                             " times; load it again when they stay as they are");
}

}  // namespace muster::openvino
