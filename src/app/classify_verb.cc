// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "app/classify_pipeline.h"
#include "app/picture_paths.h"
#include "app/progress_bar.h"
#include "app/result_writer.h"
#include "app/verbs.h"
#include "base/cpu_budget.h"
#include "base/text.h"
#include "model_config/model_config.h"

namespace muster {
namespace {

constexpr const char* kDefaultModel = "models/lenet";
constexpr std::int64_t kUsualBatch = 32;

struct Arguments {
  std::string model = kDefaultModel;
  std::vector<std::string> paths;
  std::size_t top_k = 1;
  std::int64_t batch_size = 0;  // 0 = not given
  int threads = 0;              // 0 = not given
  std::string format = "table";
};

int fail(const Status& status) {
  fmt::print(stderr, "muster: {}\n", status.message());
  return kExitFailed;
}

// Batches are formed here, so each thread may run one at once; the cores are shared out over them.
Result<std::unique_ptr<ModelService>> open_model(const Arguments& arguments, int threads) {
  ServiceOptions options;
  if (arguments.batch_size > 0) options.max_batch_size = arguments.batch_size;
  options.instance_count = static_cast<int>(std::min<std::int64_t>(threads, kMaxInstanceCount));
  options.threads = 1;
  return ModelService::open(arguments.model, options);
}

// The size to run: what was asked for, else the usual one within what the model takes.
Result<std::int64_t> batch_size_for(const Arguments& arguments, const ModelService& service) {
  const std::int64_t most = service.config().batching.max_batch_size;
  if (most > 0)
    return arguments.batch_size > 0 ? arguments.batch_size : std::min(most, kUsualBatch);
  if (arguments.batch_size == 1) return std::int64_t{1};
  const TensorSpec& input = service.config().inputs.front();
  return failed_precondition(
      arguments.model + ": input '" + printable(input.name) + "' has shape " +
      input.shape.to_string() +
      ", a fixed batch axis, so pictures cannot share a batch; export the model "
      "with a dynamic batch axis, or run it one by one with --batch-size 1");
}

ResultFormat format_of(std::string_view name) {
  if (name == "csv") return ResultFormat::kCsv;
  return name == "json" ? ResultFormat::kJson : ResultFormat::kTable;
}

class Output {
 public:
  Output(const Arguments& arguments, const std::vector<std::string>& paths)
      : writer_(format_of(arguments.format), arguments.top_k, longest(paths)),
        bar_(stderr, paths.size()) {
    write(writer_.header());
  }

  void error(std::string_view message) {
    bar_.clear();
    fmt::print(stderr, "muster: {}\n", message);
    ++errors_;
  }
  void result(const std::string& path, const Result<std::vector<ClassScore>>& scores) {
    if (!scores.ok()) {
      // Results that came before an error stand before it where both go to one terminal.
      flush();
      error(printable(path, 4096) + ": " + std::string(scores.status().message()));
      return;
    }
    write(writer_.lines(path, *scores));
  }
  void progress(std::size_t done) {
    flush();
    bar_.update(done);
  }
  // The exit status.
  int finish() {
    flush();
    bar_.clear();
    if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
      fmt::print(stderr, "muster: the results could not be written\n");
      return kExitFailed;
    }
    return errors_ == 0 ? kExitOk : kExitFailed;
  }

 private:
  static std::size_t longest(const std::vector<std::string>& paths) {
    std::size_t length = 0;
    for (const std::string& path : paths)
      length = std::max(length, path.size());
    return length;
  }
  void write(const std::string& text) { buffer_ += text; }
  void flush() {
    if (buffer_.empty()) return;
    bar_.clear();
    std::fwrite(buffer_.data(), 1, buffer_.size(), stdout);
    std::fflush(stdout);
    buffer_.clear();
  }

  ResultWriter writer_;
  ProgressBar bar_;
  std::string buffer_;
  std::size_t errors_ = 0;
};

int classify(const Arguments& arguments) {
  const PicturePaths pictures = find_pictures(arguments.paths);
  const int threads = arguments.threads > 0 ? arguments.threads : available_cpus();
  const auto service = open_model(arguments, threads);
  if (!service.ok()) return fail(service.status());
  const auto batch_size = batch_size_for(arguments, **service);
  if (!batch_size.ok()) return fail(batch_size.status());

  Output output(arguments, pictures.files);
  for (const std::string& error : pictures.errors)
    output.error(error);
  ClassifyPipeline pipeline(**service, pictures.files,
                            {*batch_size, arguments.top_k, static_cast<std::size_t>(threads), {}});
  const Status status = pipeline.run(
      [&](const std::string& path, const auto& scores) { output.result(path, scores); },
      [&](std::size_t done) { output.progress(done); });
  if (!status.ok()) return fail(status);
  return output.finish();
}

}  // namespace

void add_classify_verb(CLI::App& app, int& exit_status) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* verb = app.add_subcommand("classify", "Tell what pictures show");
  verb->add_option("PATH", arguments->paths,
                   "PNG or JPEG files, folders (with all below them), or quoted glob patterns")
      ->required();
  verb->add_option("--model", arguments->model, "Model folder or model file")
      ->type_name("DIR")
      ->capture_default_str();
  verb->add_option("--top-k", arguments->top_k, "Classes to print for each picture, best first")
      ->check(CLI::Range(1, 1000000))
      ->type_name("K")
      ->capture_default_str();
  verb->add_option("--batch-size", arguments->batch_size,
                   "Pictures run at once (default: 32, or the model's max_batch_size if smaller)")
      ->check(CLI::Range(1, 65536))
      ->type_name("N");
  verb->add_option("--threads", arguments->threads,
                   "Threads that decode and run (default: the cores this process may use)")
      ->check(CLI::Range(1, 1024))
      ->type_name("N");
  verb->add_option("--format", arguments->format,
                   "csv has the columns path,rank,label,probability; json is one object a line")
      ->check(CLI::IsMember({"table", "json", "csv"}))
      ->type_name("table|json|csv")
      ->capture_default_str();
  verb->footer(
      "Pictures that cannot be read are named on stderr, the others are still done, and the exit\n"
      "status is 1.\n\n"
      "Example:\n"
      "  muster classify --model models/lenet --top-k 3 --format csv examples/digits > digits.csv");
  verb->callback([arguments, &exit_status] { exit_status = classify(*arguments); });
}

}  // namespace muster
