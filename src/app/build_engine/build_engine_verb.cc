// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "app/build_engine/build_arguments.h"
#include "app/build_engine/build_text.h"
#include "app/progress_bar.h"
#include "app/serve/stop_signals.h"
#include "app/subject/row_shapes.h"
#include "app/terminal.h"
#include "app/verbs.h"
#include "app/verify/verify_run.h"
#include "base/cpu_budget.h"
#include "base/text.h"
#include "model_config/model_config.h"
#include "serving/backend_library.h"
#include "serving/compile_model.h"

namespace muster {
namespace {

constexpr const char* kBackend = "tensorrt";
constexpr const char* kReference = "onnxruntime";
// From a first signal until the process ends wherever it is: some steps of a builder take long.
constexpr std::chrono::seconds kStopLimit{30};

// By which a backend knows what it reads.
bool is_engine_name(std::string_view file) {
  return file.ends_with(".plan") || file.ends_with(".engine");
}

// Draws, and asks whether somebody wants it to end.
class Watcher final : public CompileListener {
 public:
  explicit Watcher(const StopSignals& signals) : signals_(signals) {}
  bool on_progress(const CompileProgress& progress) override {
    bar_.show(build_line(progress));
    return !signals_.is_asked();
  }

 private:
  const StopSignals& signals_;
  ProgressBar bar_{stderr, 0};
};

class Building {
 public:
  explicit Building(const BuildArguments& arguments)
      : arguments_(arguments), is_json_(arguments.format == "json"), signals_(kStopLimit) {}

  int run() {
    auto shapes = parse_row_shapes(arguments_.shapes);
    if (!shapes.ok()) return misuse(shapes.status());
    auto tolerances = Tolerances::parse(arguments_.tolerances);
    if (!tolerances.ok()) return misuse(tolerances.status());
    const auto folder = ModelFolder::open(arguments_.model);
    if (!folder.ok()) return fail_with(folder.status().message());
    if (const Status planned = make_plan(*folder); !planned.ok()) {
      if (planned.code() == StatusCode::kInvalidArgument) return misuse(planned);
      return fail_with(planned.message());
    }
    const auto built = build();
    if (!built.ok() && built.status().code() == StatusCode::kCancelled)
      return fail_with("stopped; nothing was written");
    if (!built.ok()) return fail_with(built.status().message());
    put_out((is_json_ ? built_json : built_table)(folder->name(), runtime_, *built,
                                                  options_.compiled_cache));
    if (std::ferror(stdout) != 0) return fail_with("the results could not be written");
    if (arguments_.unchecked) return kExitOk;
    return check(*shapes, *std::move(tolerances));
  }

 private:
  Status make_plan(const ModelFolder& folder) {
    const std::int64_t said = folder.config().config().batching.max_batch_size;
    const std::int64_t usual_max = said > 0 ? said : kDefaultMaxBatchSize;
    options_.backend = kBackend;
    options_.compiled_cache = arguments_.cache;
    options_.output = arguments_.output;
    MUSTER_ASSIGN_OR_RETURN(options_.parameters, parameters_of(arguments_, usual_max));
    MUSTER_ASSIGN_OR_RETURN(plan_, plan_compile(folder, options_));
    if (!options_.output.empty() && !is_engine_name(options_.output)) {
      return invalid_argument("--output '" + printable(options_.output) +
                              "': an engine's name ends in .plan or .engine");
    }
    if (options_.output.empty() && options_.compiled_cache.empty())
      options_.output = plan_beside(plan_.file);
    const auto profiles = plan_.config.parameters.find("profiles");
    sizes_ =
        sizes_to_check(profiles == plan_.config.parameters.end() ? fmt::format("1:{}", usual_max)
                                                                 : profiles->second);
    return {};
  }

  Result<CompiledFile> build() {
    MUSTER_ASSIGN_OR_RETURN(const auto backend, open_backend(kBackend, {available_cpus()}));
    runtime_ = backend->version();
    Watcher watcher(signals_);
    return compile_with(*backend, plan_, options_, watcher);
  }

  // What was built, by the way in which it was kept.
  [[nodiscard]] ContenderOrder engine_order() const {
    ContenderOrder order{kBackend, available_cpus()};
    order.parameters = plan_.config.parameters;
    order.file = options_.output.empty() ? plan_.file : options_.output;
    order.compiled_cache = options_.compiled_cache;
    return order;
  }

  int check(const RowShapes& shapes, Tolerances tolerances) {
    const auto subject = ModelSubject::open(arguments_.model);
    if (!subject.ok()) return fail_with(subject.status().message());
    VerifyOrder order;
    order.reference = {kReference, {kReference, available_cpus(), "f32"}};
    order.reference.order.accelerators.emplace();
    order.reference.order.file = plan_.file;
    order.candidates.push_back({kBackend, engine_order(), std::nullopt, true});
    order.batch_sizes = sizes_;
    order.inputs.shapes = shapes;
    order.inputs.seed = arguments_.seed;
    order.tolerances = std::move(tolerances);
    const Status checked = run_verify(*subject, order, listener(), process_usage());
    // There may be no ONNX Runtime here, or none that takes the model.
    if (!checked.ok()) put_note(fmt::format("not checked: {}", checked.message()));
    if (std::ferror(stdout) != 0) return fail_with("the results could not be written");
    if (differs_) return fail_with("the engine differs from ONNX Runtime by more than it may");
    return missed_ ? kExitFailed : kExitOk;
  }

  VerifyListener listener() {
    const VerifyFormat format = is_json_ ? VerifyFormat::kJson : VerifyFormat::kTable;
    return {
        [this, format](const std::string& origin, const std::string& runtime) {
          if (!is_json_)
            put_out(fmt::format("checked   {}, against {} one row at a time\n", origin, runtime));
          put_out(verify_header(format));
        },
        [this, format](const VerifyRow& row) {
          put_out(verify_line(format, row));
          differs_ |= !row.found.within_tolerance();
        },
        [this](const VerifyMiss& miss) {
          put_note("not checked: " + describe_miss(miss));
          missed_ = true;
        }};
  }

  const BuildArguments& arguments_;
  const bool is_json_;
  StopSignals signals_;  // made before any thread that a backend makes
  CompileOptions options_;
  CompilePlan plan_;
  std::vector<std::int64_t> sizes_;
  std::string runtime_;
  bool differs_ = false;
  bool missed_ = false;
};

void add_size_flags(CLI::App& verb, BuildArguments& arguments) {
  CLI::Option* const profiles =
      verb.add_option("--profiles", arguments.profiles,
                      "Ranges of shapes: MIN:OPT:MAX rows, or NAME=MIN:OPT:MAX,... with shapes as\n"
                      "in 1x128; several with ; between them");
  profiles->type_name("TEXT");
  const auto add = [&](const char* name, std::int64_t& rows, const char* what) {
    verb.add_option(name, rows, what)
        ->check(CLI::Range(std::int64_t{1}, kMaxBatchSize))
        ->excludes(profiles)
        ->type_name("N");
  };
  add("--min", arguments.min, "The fewest rows of a batch (default: 1)");
  add("--opt", arguments.opt, "The rows that the engine is tuned for (default: the most)");
  add("--max", arguments.max,
      "The most rows of a batch (default: the model's max_batch_size, else 64)");
}

void add_engine_flags(CLI::App& verb, BuildArguments& arguments) {
  verb.add_option("--precision", arguments.precision,
                  "What the engine may compute in (default: tf32); int8 needs a file with\n"
                  "QuantizeLinear and DequantizeLinear nodes")
      ->check(CLI::IsMember({"fp32", "tf32", "fp16", "bf16", "int8"}))
      ->type_name("fp32|tf32|fp16|bf16|int8");
  verb.add_option("--workspace", arguments.workspace,
                  "Memory of the GPU that a layer may take while it runs (default: 1G)")
      ->type_name("BYTES");
  verb.add_option("--level", arguments.level,
                  "How long to look for faster kernels, 0 to 5 (default: 3)")
      ->check(CLI::Range(0, 5))
      ->type_name("N");
  verb.add_option("--device", arguments.device, "The number of the GPU (default: 0)")
      ->check(CLI::Range(0, 63))
      ->type_name("N");
}

void add_check_flags(CLI::App& verb, BuildArguments& arguments) {
  verb.add_flag("--no-check", arguments.unchecked,
                "Do not compare the engine's numbers with ONNX Runtime's");
  verb.add_option("--tolerance", arguments.tolerances,
                  "Relative error that is still right, as of muster verify")
      ->allow_extra_args(false)
      ->type_name("[PRECISION:]X");
  verb.add_option("--seed", arguments.seed, "Of the inputs that are made up to compare")
      ->type_name("N")
      ->capture_default_str();
  verb.add_option("--shape", arguments.shapes,
                  "Shape of one row of an input with open dimensions, to compare; may be given\n"
                  "several times")
      ->allow_extra_args(false)
      ->type_name("NAME:D,D,...");
}

}  // namespace

void add_build_engine_verb(CLI::App& app, int& exit_status) {
  auto arguments = std::make_shared<BuildArguments>();
  CLI::App* verb = app.add_subcommand(
      "build-engine", "Build a TensorRT engine of a model's ONNX file, for this machine's GPU");
  verb->add_option("MODEL", arguments->model, "Model folder or model file")
      ->required()
      ->type_name("DIR|FILE");
  add_size_flags(*verb, *arguments);
  add_engine_flags(*verb, *arguments);
  verb->add_option("--output", arguments->output,
                   "The file to write (default: beside the model, with .plan behind its name,\n"
                   "unless --cache is given)")
      ->type_name("FILE");
  verb->add_option("--cache", arguments->cache,
                   "A folder in which engines and measured times are kept and found again: what\n"
                   "muster serve is given as --compiled-model-cache")
      ->type_name("DIR");
  add_check_flags(*verb, *arguments);
  verb->add_option("--format", arguments->format, "json is one object a line")
      ->check(CLI::IsMember({"table", "json"}))
      ->type_name("table|json")
      ->capture_default_str();
  verb->footer(
      "The exit status is 1 where no engine was built, where it was stopped (then nothing is\n"
      "written), and where its numbers are further from ONNX Runtime's than they may be.\n\n"
      "Example:\n  muster build-engine models/lenet --min 1 --opt 8 --max 64 --precision fp16");
  verb->callback([arguments, &exit_status] { exit_status = Building(*arguments).run(); });
}

}  // namespace muster
