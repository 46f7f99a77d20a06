// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <muster/service.h>

#include "app/picture_paths.h"
#include "app/subject/row_shapes.h"
#include "app/verbs.h"
#include "app/verify/verify_arguments.h"
#include "app/verify/verify_candidates.h"
#include "app/verify/verify_run.h"
#include "base/cpu_budget.h"
#include "base/text.h"
#include "model_config/model_config.h"

namespace muster {
namespace {

int fail(std::string_view message, int status = kExitFailed) {
  fmt::print(stderr, "muster: {}\n", message);
  return status;
}

// Wrong texts on the command line.
Status read_texts(const VerifyArguments& arguments, VerifyOrder& order) {
  MUSTER_ASSIGN_OR_RETURN(order.inputs.files, parse_input_files(arguments.files));
  MUSTER_ASSIGN_OR_RETURN(order.inputs.shapes, parse_row_shapes(arguments.shapes));
  MUSTER_ASSIGN_OR_RETURN(order.inputs.ranges, parse_value_ranges(arguments.ranges));
  MUSTER_ASSIGN_OR_RETURN(order.tolerances, Tolerances::parse(arguments.tolerances));
  return {};
}

Status find_all_pictures(const VerifyArguments& arguments, std::vector<std::string>& files) {
  if (arguments.pictures.empty()) return {};
  PicturePaths found = find_pictures(arguments.pictures);
  if (!found.errors.empty()) return not_found(found.errors.front());
  files = std::move(found.files);
  return {};
}

// For the table, which is widened for the URLs of servers.
std::size_t longest_name(const std::vector<VerifyCandidate>& candidates) {
  std::size_t width = kNameWidth;
  for (const VerifyCandidate& candidate : candidates)
    width = std::max(width, printable(candidate.name).size());
  return width;
}

class Output {
 public:
  Output(const VerifyArguments& arguments, std::string subject, std::size_t name_width)
      : arguments_(arguments),
        format_(arguments.format == "json" ? VerifyFormat::kJson : VerifyFormat::kTable),
        subject_(std::move(subject)),
        name_width_(name_width) {}

  VerifyListener listener(const std::string& reference) {
    return {[this, reference](const std::string& origin, const std::string& runtime) {
              const std::string line =
                  fmt::format("{}: {}, held against {} ({}) one row at a time\n",
                              printable(subject_), origin, printable(reference), runtime);
              if (format_ == VerifyFormat::kTable) {
                put(line);
              } else {
                fmt::print(stderr, "muster: {}", line);
              }
              put(verify_header(format_, name_width_));
            },
            [this](const VerifyRow& row) {
              put(verify_line(format_, row, name_width_));
              ++compared_;
              failed_ |= !row.found.within_tolerance() ||
                         row.found.agreement().value_or(1) < arguments_.least_agreement;
            },
            [this](const VerifyMiss& miss) {
              const std::string line = "not verified: " + describe_miss(miss) + "\n";
              if (format_ == VerifyFormat::kTable) {
                put(line);
              } else {
                fmt::print(stderr, "muster: {}", line);
              }
              missed_ |= was_asked_for(miss);
            }};
  }

  int finish() const {
    if (std::ferror(stdout) != 0) return fail("the results could not be written");
    if (compared_ == 0) return fail("nothing could be verified");
    return failed_ || missed_ ? kExitFailed : kExitOk;
  }

 private:
  // What was asked for by name and is missing is a failure; what was merely tried is not.
  [[nodiscard]] bool was_asked_for(const VerifyMiss& miss) const {
    return miss.asked_for || (miss.batch_size > 0 && !arguments_.batch_sizes.empty());
  }
  static void put(const std::string& text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
  }

  const VerifyArguments& arguments_;
  const VerifyFormat format_;
  const std::string subject_;
  const std::size_t name_width_;
  std::size_t compared_ = 0;
  bool failed_ = false;
  bool missed_ = false;
};

int verify(const VerifyArguments& arguments) {
  VerifyOrder order;
  if (const Status read = read_texts(arguments, order); !read.ok())
    return fail(read.message(), kExitUsage);
  const auto subject = ModelSubject::open(arguments.model);
  if (!subject.ok()) return fail(subject.status().message());
  if (const Status found = find_all_pictures(arguments, order.inputs.pictures); !found.ok())
    return fail(found.message());
  const int threads = arguments.threads > 0 ? arguments.threads : available_cpus();
  order.inputs.seed = arguments.seed;
  order.inputs.rows = arguments.rows;
  order.batch_sizes = arguments.batch_sizes;
  order.reference = reference_of(*subject, arguments, threads);
  auto candidates = candidates_of(*subject, arguments, threads);
  if (!candidates.ok()) return fail(candidates.status().message(), kExitUsage);
  order.candidates = *std::move(candidates);

  Output output(arguments, subject->name(), longest_name(order.candidates));
  const Status done =
      run_verify(*subject, order, output.listener(order.reference.name), process_usage());
  if (!done.ok()) return fail(done.message());
  return output.finish();
}

void add_way_flags(CLI::App& verb, VerifyArguments& arguments) {
  verb.add_option("--backend", arguments.backends,
                  "Backend to verify; may be given several times (default: all installed)")
      ->allow_extra_args(false)
      ->type_name("NAME");
  verb.add_option("--precision", arguments.precisions,
                  "Precisions (default: all that each backend has)")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::IsMember({"f32", "tf32", "f16", "bf16"}))
      ->type_name("f32|tf32|f16|bf16,...");
  verb.add_option("--accelerator", arguments.accelerators,
                  "Also ONNX Runtime with this execution provider, from a plugin's library where\n"
                  "one is named; may be given several times")
      ->allow_extra_args(false)
      ->type_name("NAME[=FILE]");
  verb.add_option("--batch-sizes", arguments.batch_sizes,
                  "Batch sizes (default: 1,2,4,... up to the model's max_batch_size)")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::Range(std::int64_t{1}, kMaxBatchSize))
      ->type_name("N,N,...");
  verb.add_option("--reference", arguments.reference,
                  "What all are held against (default: the model's own backend, f32)")
      ->type_name("BACKEND[:PRECISION]");
  verb.add_option("--threads", arguments.threads,
                  "Threads that a run may use (default: the cores this process may use)")
      ->check(CLI::Range(1, 1024))
      ->type_name("N");
}

void add_against_flags(CLI::App& verb, VerifyArguments& arguments) {
  CLI::Option* const against =
      verb.add_option("--against", arguments.servers,
                      "Also a running server with the model: http://HOST:PORT, grpc://HOST:PORT,\n"
                      "unix:PATH or unix+grpc:PATH; may be given several times")
          ->allow_extra_args(false)
          ->type_name("URL");
  verb.add_option("--model", arguments.server_model,
                  "The model's name there (default: the one that it has here)")
      ->type_name("NAME")
      ->needs(against);
  add_server_flags(verb, arguments.access, against);
}

void add_input_flags(CLI::App& verb, VerifyArguments& arguments) {
  CLI::Option* files =
      verb.add_option("--input", arguments.files,
                      "An input's rows: a .npy file, or the elements as they lie in memory; may\n"
                      "be given several times")
          ->allow_extra_args(false)
          ->type_name("NAME=FILE");
  CLI::Option* pictures =
      verb.add_option("--pictures", arguments.pictures,
                      "Pictures as rows, prepared as the configuration says; may be given several "
                      "times")
          ->allow_extra_args(false)
          ->excludes(files)
          ->type_name("PATH");
  verb.add_option("--seed", arguments.seed, "Of the inputs that are made up")
      ->type_name("N")
      ->capture_default_str();
  verb.add_option("--rows", arguments.rows,
                  "Rows to make up (default: as many as the largest batch, at least 16)")
      ->check(CLI::Range(std::int64_t{1}, kMaxRequestRows))
      ->excludes(files)
      ->excludes(pictures)
      ->type_name("N");
  verb.add_option("--range", arguments.ranges,
                  "Values of an input that is made up; may be given several times")
      ->allow_extra_args(false)
      ->type_name("NAME:LOW,HIGH");
  verb.add_option("--shape", arguments.shapes,
                  "Shape of one row of an input with open dimensions; may be given several times")
      ->allow_extra_args(false)
      ->type_name("NAME:D,D,...");
}

}  // namespace

void add_verify_verb(CLI::App& app, int& exit_status) {
  auto arguments = std::make_shared<VerifyArguments>();
  CLI::App* verb = app.add_subcommand(
      "verify", "Compare what each backend, precision and batch size says of the same inputs");
  verb->add_option("MODEL", arguments->model, "Model folder or model file")
      ->required()
      ->type_name("DIR|FILE");
  add_way_flags(*verb, *arguments);
  add_against_flags(*verb, *arguments);
  add_input_flags(*verb, *arguments);
  verb->add_option("--tolerance", arguments->tolerances,
                   "Relative error that is still right (default: f32:1e-4, tf32:2e-2,\n"
                   "f16:2e-2, bf16:1e-1)")
      ->allow_extra_args(false)
      ->type_name("[PRECISION:]X");
  verb->add_option("--min-agreement", arguments->least_agreement,
                   "Share of rows whose highest score must be the same class")
      ->check(CLI::Range(0.0, 1.0))
      ->type_name("X");
  verb->add_option("--format", arguments->format, "json is one object a line")
      ->check(CLI::IsMember({"table", "json"}))
      ->type_name("table|json")
      ->capture_default_str();
  verb->footer(
      "The exit status is 1 where an output differs by more than the tolerance, where nothing\n"
      "could be compared, or where something is missing that was asked for by name.\n\n"
      "Example:\n  muster verify models/lenet --pictures examples/digits --batch-sizes 1,8");
  verb->callback([arguments, &exit_status] { exit_status = verify(*arguments); });
}

}  // namespace muster
