// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdio>
#include <map>
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
#include "app/verify/verify_run.h"
#include "base/cpu_budget.h"
#include "base/text.h"
#include "model_config/model_config.h"

namespace muster {
namespace {

constexpr const char* kWithAccelerators = "onnxruntime";

struct Arguments {
  std::string model;
  std::vector<std::string> backends;
  std::vector<std::string> precisions;
  std::vector<std::string> accelerators;
  std::string reference;
  std::vector<std::int64_t> batch_sizes;
  std::vector<std::string> files;
  std::vector<std::string> pictures;
  std::vector<std::string> shapes;
  std::vector<std::string> ranges;
  std::vector<std::string> tolerances;
  std::uint64_t seed = 1;
  std::int64_t rows = 0;       // 0 = not given
  double least_agreement = 0;  // of the highest element, 0 to 1
  int threads = 0;             // 0 = not given
  std::string format = "table";
};

int fail(std::string_view message, int status = kExitFailed) {
  fmt::print(stderr, "muster: {}\n", message);
  return status;
}

bool has(const std::vector<std::string>& list, const std::string& word) {
  return std::ranges::find(list, word) != list.end();
}

// Without repetitions, in the order given; `otherwise` where nothing is.
std::vector<std::string> once_each(const std::vector<std::string>& given,
                                   std::vector<std::string> otherwise) {
  if (given.empty()) return otherwise;
  std::vector<std::string> words;
  for (const std::string& word : given)
    if (!has(words, word)) words.push_back(word);
  return words;
}

std::string joined(const std::vector<ExecutionAccelerator>& accelerators) {
  std::string names;
  for (const ExecutionAccelerator& accelerator : accelerators)
    names += '+' + accelerator.name;
  return names;
}

// "openvino:f32", or "onnxruntime".
VerifyCandidate reference_of(const ModelSubject& subject, const Arguments& arguments, int threads) {
  const std::size_t colon = arguments.reference.find(':');
  std::string backend = arguments.reference.substr(0, colon);
  if (backend.empty()) backend = subject.backend();
  std::string precision =
      colon == std::string::npos ? "f32" : arguments.reference.substr(colon + 1);
  std::string name = backend + ' ' + precision;
  return {
      std::move(name),
      {std::move(backend), threads, std::move(precision), std::vector<ExecutionAccelerator>(), {}}};
}

// ONNX Runtime with what the configuration asks for, and with each that the command line names.
void add_accelerated(const ModelSubject& subject, const Arguments& arguments, int threads,
                     std::vector<VerifyCandidate>& candidates) {
  std::vector<std::vector<ExecutionAccelerator>> lists;
  if (!subject.accelerators().empty()) lists.push_back(subject.accelerators());
  std::map<std::string, std::string, std::less<>> libraries;
  for (const std::string& text : arguments.accelerators) {
    const std::size_t equals = text.find('=');
    const std::string name = text.substr(0, equals);
    if (equals != std::string::npos) libraries[name] = text.substr(equals + 1);
    lists.push_back({{name, {}, name == "cuda" || name == "tensorrt", 0}});
  }
  for (std::vector<ExecutionAccelerator>& list : lists) {
    std::string name = kWithAccelerators + joined(list);
    candidates.push_back(
        {std::move(name), {kWithAccelerators, threads, "f32", std::move(list), libraries}});
  }
}

std::vector<VerifyCandidate> candidates_of(const ModelSubject& subject, const Arguments& arguments,
                                           int threads) {
  std::vector<VerifyCandidate> candidates;
  for (const std::string& backend : once_each(arguments.backends, subject.backends())) {
    const std::vector<std::string> known = precisions_of(backend);
    for (const std::string& precision : once_each(arguments.precisions, known)) {
      // What is asked for by both names and cannot be is worth a word.
      if (!has(known, precision) && arguments.backends.empty()) continue;
      candidates.push_back(
          {backend, {backend, threads, precision, std::vector<ExecutionAccelerator>(), {}}});
    }
  }
  add_accelerated(subject, arguments, threads, candidates);
  return candidates;
}

// Wrong texts on the command line.
Status read_texts(const Arguments& arguments, VerifyOrder& order) {
  MUSTER_ASSIGN_OR_RETURN(order.inputs.files, parse_input_files(arguments.files));
  MUSTER_ASSIGN_OR_RETURN(order.inputs.shapes, parse_row_shapes(arguments.shapes));
  MUSTER_ASSIGN_OR_RETURN(order.inputs.ranges, parse_value_ranges(arguments.ranges));
  MUSTER_ASSIGN_OR_RETURN(order.tolerances, Tolerances::parse(arguments.tolerances));
  return {};
}

Status find_all_pictures(const Arguments& arguments, std::vector<std::string>& files) {
  if (arguments.pictures.empty()) return {};
  PicturePaths found = find_pictures(arguments.pictures);
  if (!found.errors.empty()) return not_found(found.errors.front());
  files = std::move(found.files);
  return {};
}

class Output {
 public:
  explicit Output(const Arguments& arguments, std::string subject)
      : arguments_(arguments),
        format_(arguments.format == "json" ? VerifyFormat::kJson : VerifyFormat::kTable),
        subject_(std::move(subject)) {}

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
              put(verify_header(format_));
            },
            [this](const VerifyRow& row) {
              put(verify_line(format_, row));
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
    return !arguments_.backends.empty() || miss.backend.find('+') != std::string::npos ||
           (miss.batch_size > 0 && !arguments_.batch_sizes.empty());
  }
  static void put(const std::string& text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
  }

  const Arguments& arguments_;
  const VerifyFormat format_;
  const std::string subject_;
  std::size_t compared_ = 0;
  bool failed_ = false;
  bool missed_ = false;
};

int verify(const Arguments& arguments) {
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
  order.candidates = candidates_of(*subject, arguments, threads);

  Output output(arguments, subject->name());
  const Status done =
      run_verify(*subject, order, output.listener(order.reference.name), process_usage());
  if (!done.ok()) return fail(done.message());
  return output.finish();
}

void add_way_flags(CLI::App& verb, Arguments& arguments) {
  verb.add_option("--backend", arguments.backends,
                  "Backend to verify; may be given several times (default: all installed)")
      ->allow_extra_args(false)
      ->type_name("NAME");
  verb.add_option("--precision", arguments.precisions,
                  "Precisions (default: all that each backend has)")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::IsMember({"f32", "f16", "bf16"}))
      ->type_name("f32|f16|bf16,...");
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

void add_input_flags(CLI::App& verb, Arguments& arguments) {
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
  auto arguments = std::make_shared<Arguments>();
  CLI::App* verb = app.add_subcommand(
      "verify", "Compare what each backend, precision and batch size says of the same inputs");
  verb->add_option("MODEL", arguments->model, "Model folder or model file")
      ->required()
      ->type_name("DIR|FILE");
  add_way_flags(*verb, *arguments);
  add_input_flags(*verb, *arguments);
  verb->add_option("--tolerance", arguments->tolerances,
                   "Relative error that is still right (default: f32:1e-4, f16:2e-2, bf16:1e-1)")
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
