// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "app/advise/advice.h"
#include "app/advise/advise_plan.h"
#include "app/advise/own_config.h"
#include "app/advise/process_bench.h"
#include "app/advise/replace_file.h"
#include "app/advise/setups.h"
#include "app/advise/subject_bench.h"
#include "app/flag_values.h"
#include "app/progress_bar.h"
#include "app/serve/stop_signals.h"
#include "app/subject/model_subject.h"
#include "app/subject/row_shapes.h"
#include "app/subject/ways.h"
#include "app/terminal.h"
#include "app/verbs.h"
#include "base/cpu_budget.h"
#include "base/temporary_folder.h"
#include "base/text.h"
#include "inference/thread_budget.h"
#include "model_config/model_config.h"

namespace muster {
namespace {

constexpr double kMostSeconds = 86400;
constexpr double kMostRate = 1e9;
// Computes nothing: no advice to somebody who did not ask for it.
constexpr const char* kPlaysOnly = "scripted";
// From a first signal until the process ends wherever it is: a load cannot be broken off.
constexpr std::chrono::seconds kStopLimit{10};

struct Arguments {
  std::string model;
  double latency_ms = 0;  // 0 = not given, as all below
  double rate = 0;
  double seconds = 60;
  std::vector<std::string> backends;
  std::vector<std::int64_t> batch_sizes;
  std::vector<int> threads;
  std::vector<int> instances;
  int thread_budget = 0;
  std::vector<std::string> shapes;
  std::string format = "table";
  bool write = false;
};

std::vector<std::string> backends_of(const ModelSubject& subject, const Arguments& arguments) {
  if (!arguments.backends.empty()) return without_repetitions(arguments.backends);
  std::vector<std::string> backends = subject.backends();
  if (subject.backend() != kPlaysOnly) std::erase(backends, kPlaysOnly);
  std::ranges::move(offered_ways_on_gpus(), std::back_inserter(backends));
  return backends;
}

std::vector<std::int64_t> ascending(std::vector<std::int64_t> sizes) {
  std::ranges::sort(sizes);
  return without_repetitions(sizes);
}

Goal goal_of(const ModelSubject& subject, const Arguments& arguments) {
  Goal goal;
  if (arguments.latency_ms > 0) goal.latency_ms = arguments.latency_ms;
  if (arguments.rate > 0) goal.rate = arguments.rate;
  const auto delay = subject.written_config().batching.max_queue_delay;
  goal.queue_delay_ms = std::chrono::duration<double, std::milli>(delay).count();
  goal.own_backend = subject.backend();
  return goal;
}

std::string names_of(const std::vector<ExecutionAccelerator>& accelerators) {
  std::string names;
  for (const ExecutionAccelerator& accelerator : accelerators)
    names += (names.empty() ? "" : ", ") + accelerator.name;
  return names;
}

// What cannot be written is better known before a minute of measuring than after it.
Status check_writable(const ModelSubject& subject, const Arguments& arguments) {
  if (!arguments.write) return {};
  if (!subject.config_path().empty()) return check_replaceable(subject.config_path());
  return invalid_argument("--write: " + printable(arguments.model, 4096) +
                          " is no model folder, and a configuration lies in one: give the folder "
                          "that holds the version folders");
}

// What is known, in the order in which people read it.
void put_advice(const Arguments& arguments, const Advice& advice, const ChosenConfig& chosen) {
  const std::string& path = chosen.advised.path;
  switch (parse_advice_format(arguments.format)) {
    case AdviceFormat::kCsv:
      put_out(advice_csv(advice));
      for (const AdviceMiss& miss : advice.found.misses)
        put_note("not measured: " + describe(miss));
      for (const std::string& remark : remarks(advice))
        put_note(remark);
      return;
    case AdviceFormat::kJson:
      return put_out(advice_json(advice, chosen.advised));
    case AdviceFormat::kTable:
      break;
  }
  put_out(advice_table(advice) + advice_words(advice));
  if (chosen.advised.text.empty()) return;
  if (!chosen.changes.empty())
    put_out(fmt::format("\nchanges to {}\n{}", printable(path, 4096), chosen.changes));
  if (chosen.loses_comments) {
    put_out(
        "note          the file is written in a way that could not be changed in place: all of "
        "it is said anew, without its comments\n");
  }
  const std::string place =
      path.empty() ? "for the model folder above the version folder of the model file"
                   : printable(path, 4096) + (arguments.write ? "" : "; --write puts it there");
  put_out(fmt::format("\nconfig.pbtxt ({})\n{}", place, chosen.advised.text));
}

class Advising {
 public:
  Advising(const Arguments& arguments, const ModelSubject& subject, RowShapes shapes)
      : arguments_(arguments),
        subject_(subject),
        shapes_(std::move(shapes)),
        backends_(backends_of(subject, arguments)),
        own_config_{subject.backend(), subject.written_config().parameters},
        signals_(kStopLimit) {
    advice_.model = subject.name();
    advice_.goal = goal_of(subject, arguments);
    advice_.processor = processor_name();
    advice_.thread_budget =
        arguments.thread_budget > 0 ? arguments.thread_budget : available_cpus();
    advice_.seconds = arguments.seconds;
    advice_.accelerators = names_of(subject.accelerators());
  }

  int run() {
    if (backends_.empty()) return fail_with("no backend is part of this installation");
    // What one process has compiled, the others need not.
    auto compiled = TemporaryFolder::make("muster-advise");
    if (compiled.ok()) compiled_.emplace(*std::move(compiled));
    auto own = own_text(subject_, backends_, advice_.thread_budget);
    if (!own.ok()) return fail_with(own.status().message());
    own_ = *std::move(own);
    measure();
    if (advice_.ranked.empty()) return nothing_measured();
    ChosenConfig chosen;
    if (advice_.is_found() && !advice_.found.stopped) {
      auto config = chosen_config(advice_, own_, own_config_, subject_.config_path());
      if (!config.ok()) return fail_with(config.status().message());
      chosen = *std::move(config);
      const std::int64_t rows = advice_.ranked.front().measured.candidate.batch_size;
      const Status loads =
          outcome_apart([&] { return subject_bench()->try_out(chosen.advised.text, rows); });
      if (!loads.ok())
        return fail_with(fmt::format("what was chosen does not load: {}", loads.message()));
    }
    return finish(std::move(chosen));
  }

 private:
  [[nodiscard]] std::unique_ptr<SubjectBench> subject_bench() const {
    SubjectBenchOrder order{own_.text, own_config_, ascending(arguments_.batch_sizes), shapes_,
                            advice_.thread_budget};
    if (compiled_) order.compiled_cache = compiled_->path().string();
    return std::make_unique<SubjectBench>(subject_, std::move(order), steady_clock(),
                                          process_usage());
  }

  void measure() {
    ProcessBench bench([this] { return subject_bench(); });
    PlanOrder order;
    order.setups =
        setups_for({backends_, advice_.thread_budget, arguments_.threads, arguments_.instances});
    order.budget = duration_of(arguments_.seconds);
    order.goal = advice_.goal;
    ProgressBar bar(stderr, 0);
    const auto begun = std::chrono::steady_clock::now();
    advice_.found = run_plan(
        order, bench, steady_clock(),
        {[&](const std::string& what) {
           bar.show(time_line(std::chrono::steady_clock::now() - begun, order.budget, what));
         },
         [this] { return signals_.is_asked(); }});
    advice_.ranked = judge(advice_.found.measured, advice_.goal);
    advice_.single_rows = bench.single_rows();
  }

  int nothing_measured() const {
    for (const AdviceMiss& miss : advice_.found.misses)
      put_note("not measured: " + describe(miss));
    return fail_with(advice_.found.stopped ? "stopped before anything was measured"
                                           : "nothing could be measured");
  }

  int finish(ChosenConfig chosen) {
    const bool is_advised = !chosen.advised.text.empty();
    std::string done;
    if (arguments_.write && is_advised && !signals_.is_asked()) {
      auto written = write_config(chosen, own_);
      if (!written.ok()) {
        put_advice(arguments_, advice_, chosen);
        return fail_with(written.status().message());
      }
      chosen.advised.written = true;
      done = *std::move(written);
    }
    put_advice(arguments_, advice_, chosen);
    if (!done.empty()) put_note(done);
    if (std::ferror(stdout) != 0) return fail_with("the advice could not be written");
    if (arguments_.write && done.empty()) return fail_with("nothing was written");
    return is_advised ? kExitOk : kExitFailed;
  }

  const Arguments& arguments_;
  const ModelSubject& subject_;
  const RowShapes shapes_;
  const std::vector<std::string> backends_;
  const OwnConfig own_config_;
  OwnText own_;
  std::optional<TemporaryFolder> compiled_;
  Advice advice_;
  StopSignals signals_;
};

int advise(const Arguments& arguments) {
  auto shapes = parse_row_shapes(arguments.shapes);
  if (!shapes.ok()) return misuse(shapes.status());
  const auto subject = ModelSubject::open(arguments.model);
  if (!subject.ok()) return fail_with(subject.status().message());
  if (const Status writable = check_writable(*subject, arguments); !writable.ok()) {
    if (writable.code() == StatusCode::kInvalidArgument) return misuse(writable);
    return fail_with(writable.message());
  }
  return Advising(arguments, *subject, *std::move(shapes)).run();
}

void add_goal_flags(CLI::App& verb, Arguments& arguments) {
  verb.add_option("MODEL", arguments.model, "Model folder or model file")
      ->required()
      ->type_name("DIR|FILE");
  verb.add_option("--latency-ms", arguments.latency_ms,
                  "Only what answers within so long at full load, the wait for a batch included")
      ->check(CLI::Range(0.001, kMostSeconds * 1000))
      ->type_name("L");
  verb.add_option("--rate", arguments.rate,
                  "The cheapest that carries so many rows a second with room to spare, instead of\n"
                  "the fastest")
      ->check(CLI::Range(0.001, kMostRate))
      ->type_name("R");
  verb.add_option("--seconds", arguments.seconds, "Time to measure, about")
      ->check(CLI::Range(0.001, kMostSeconds))
      ->type_name("S")
      ->capture_default_str();
}

void add_candidate_flags(CLI::App& verb, Arguments& arguments) {
  verb.add_option("--backend,--backends", arguments.backends,
                  "Backends to try, also onnxruntime+cuda and the like (default: all installed)")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("NAME,...");
  verb.add_option("--batch-sizes", arguments.batch_sizes,
                  "Batch sizes to try (default: 1,2,4,... up to 64, or to max_batch_size)")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::Range(std::int64_t{1}, kMaxBatchSize))
      ->type_name("N,N,...");
  verb.add_option("--threads", arguments.threads,
                  "Threads of a run to try (default: by the thread budget)")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::Range(1, kMaxThreadBudget))
      ->type_name("N,N,...");
  verb.add_option("--instances", arguments.instances,
                  "Numbers of instances to try (default: by the thread budget)")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::Range(1, static_cast<int>(kMaxInstanceCount)))
      ->type_name("N,N,...");
  verb.add_option("--thread-budget", arguments.thread_budget,
                  "Of the server, as its --threads (default: the cores this process may use)")
      ->check(CLI::Range(1, kMaxThreadBudget))
      ->type_name("N");
  verb.add_option("--shape", arguments.shapes,
                  "Shape of one row of an input with open dimensions; may be given several times")
      ->allow_extra_args(false)
      ->type_name("NAME:D,D,...");
}

}  // namespace

void add_advise_verb(CLI::App& app, int& exit_status) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* verb = app.add_subcommand(
      "advise", "Say which backend, threads, instances and batch size suit a model here, and why");
  add_goal_flags(*verb, *arguments);
  add_candidate_flags(*verb, *arguments);
  verb->add_option("--format", arguments->format,
                   "csv has the ranks alone; json is one object on a line")
      ->check(CLI::IsMember({"table", "csv", "json"}))
      ->type_name("table|csv|json")
      ->capture_default_str();
  verb->add_flag("--write", arguments->write,
                 "Put the configuration in place; what was there is kept as config.pbtxt.bak");
  verb->footer(
      "The exit status is 1 where nothing could be measured, where nothing that was gives what "
      "was\n"
      "asked for, and where it was stopped before the end: then nothing is written.\n\n"
      "Example:\n  muster advise models/lenet --seconds 5 --batch-sizes 1,8,64");
  verb->callback([arguments, &exit_status] { exit_status = advise(*arguments); });
}

}  // namespace muster
